import ArgumentParser
import Foundation
import NIOHTTP1
import TalkpathWire

/// `talkpath health`: asks whether the server accepts calls. Containers and load balancers use its exit status.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask a running server whether it is ready for calls.",
        discussion: "Exit status: 0 if it is ready, 1 if not."
    )

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let answer = try await server.client.send(.GET, "/ready")
        print(answer.body["status"]?.string ?? "unknown")
        guard answer.isSuccess else { throw ExitCode.failure }
    }
}
