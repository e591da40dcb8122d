import ArgumentParser
import Foundation
import TalkpathCore

@main
struct Talkpath: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "talkpath",
        abstract: "Connect phone calls with realtime speech models.",
        version: "talkpath \(TalkpathVersion.current)",
        subcommands: [
            ServeCommand.self, TryCommand.self, CallCommand.self, CallsCommand.self, EndCommand.self,
            AgentsCommand.self, HealthCommand.self, DemoCommand.self, ReplayCommand.self, ReportCommand.self,
            CaptureCommand.self, TestCommand.self,
            NodesCommand.self,
            SimulateCommand.self,
            EventsCommand.self, BackupCommand.self, AudioCommand.self, BenchCommand.self,
        ]
    )

    static func main() async { await CommandRunner.run(Self.self) }
}
