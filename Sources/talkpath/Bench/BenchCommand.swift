import ArgumentParser

/// `talkpath bench …`: measurements that anybody can repeat.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures; use a release build.",
        subcommands: subcommands
    )

    private static var subcommands: [any ParsableCommand.Type] {
        #if os(Linux)
        [
            BenchAPICommand.self, BenchAudioCommand.self, BenchEchoCommand.self, BenchEndCommand.self,
            BenchFramesCommand.self,
            BenchLoadCommand.self, BenchSoakCommand.self, BenchStoreCommand.self, BridgeUnderLoadCommand.self,
        ]
        #else
        [BenchAudioCommand.self, BenchEchoCommand.self, BenchSoakCommand.self]
        #endif
    }
}
