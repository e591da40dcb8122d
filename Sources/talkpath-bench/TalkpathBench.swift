public import ArgumentParser
import TalkpathCore
import TalkpathWire

/// `talkpath-bench …`: measurements that can be repeated on any machine. A program of its own, which no container image
/// contains.
@main
struct TalkpathBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "talkpath-bench",
        abstract: "Measure the bridge and its parts; use a release build.",
        version: "talkpath-bench \(TalkpathVersion.current)",
        subcommands: subcommands
    )

    private static var subcommands: [any ParsableCommand.Type] {
        #if os(Linux)
        [
            BenchAPICommand.self, BenchAudioCommand.self, BenchEchoCommand.self, BenchEndCommand.self,
            BenchFramesCommand.self, BenchLoadCommand.self, BenchSoakCommand.self, BenchStoreCommand.self,
            BridgeUnderLoadCommand.self,
        ]
        #else
        [BenchAudioCommand.self, BenchEchoCommand.self, BenchSoakCommand.self]
        #endif
    }
}

extension AgentProvider: ExpressibleByArgument {}
extension AgentProfile.Format: ExpressibleByArgument {}
