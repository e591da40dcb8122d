import ArgumentParser

/// `talkpath bench …`: measurements that anybody can repeat.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures; use a release build.",
        subcommands: [BenchAudioCommand.self, BenchEndCommand.self, BenchSoakCommand.self]
    )
}
