import ArgumentParser

@main
struct Talkpath: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "talkpath",
        abstract: "Connects phone calls with realtime speech models.",
        subcommands: [
            ServeCommand.self, DemoCommand.self, SimulateCommand.self, AudioCommand.self, BenchCommand.self,
        ]
    )
}
