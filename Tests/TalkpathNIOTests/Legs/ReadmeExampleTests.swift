import Foundation
import NIOPosix
import TalkpathCore
import TalkpathNIO
import Testing

@Suite struct ReadmeExampleTests {
    @Test func `the example runs against a model`() async throws {
        let log = EchoingModel.Log()
        let server = try await EchoingModel.serve(on: .singletonMultiThreadedEventLoopGroup, log: log)
        var agent = AgentProfile.openAI(key: "test", instructions: "Be brief.")
        agent.baseURL = "ws://127.0.0.1:\(server.port)/v1/realtime"
        var speaker = [UInt8](repeating: 0, count: 160)
        let microphone = [[UInt8]](repeating: [UInt8](repeating: 0xFF, count: 160), count: 5)
        let receipt = try await converse(with: agent, microphone: microphone, speaker: &speaker)
        #expect(receipt.reason == .endedByAPI)
        #expect(receipt.isSuccess)
        await server.close()
    }

    @Test func `the README shows the lines of the example`() throws {
        let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let source = try String(contentsOf: here.appendingPathComponent("ReadmeExample.swift"), encoding: .utf8)
        let readme = try String(
            contentsOf: here.appendingPathComponent("../../../README.md").standardized,
            encoding: .utf8
        )
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
        let begin = try #require(lines.firstIndex { $0.hasSuffix("// begin") })
        let end = try #require(lines.firstIndex { $0.hasSuffix("// end") })
        #expect(end - begin > 10)
        for line in lines[(begin + 1)..<end] {
            let text = line.trimmingCharacters(in: .whitespaces)
            guard !text.isEmpty else { continue }
            #expect(readme.contains(text), "the README lacks: \(text)")
        }
    }
}
