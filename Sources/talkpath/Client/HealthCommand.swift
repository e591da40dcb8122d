import ArgumentParser
import Foundation
import NIOHTTP1
import TalkpathWire

/// `talkpath health`: whether the server takes calls, as an exit status: for containers and load balancers.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask a running server whether it is ready for calls; exit status 0 if it is."
    )

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let answer = try await server.client.send(.GET, "/ready")
        print(answer.body["status"]?.string ?? "unknown")
        guard answer.isSuccess else { throw ExitCode.failure }
    }
}
