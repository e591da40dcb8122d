import TalkpathSimulators
import Testing

struct RawWebSocketTests {
    @Test func `malformed frames end the connection`() async throws {
        let server = try await FakeOpenAIRealtime.start()
        let socket = try await RawWebSocket.connect(server.url + "?model=m")
        var messages = socket.messages.makeAsyncIterator()
        #expect(await messages.next()?.starts(with: #"{"type":"session.created""#.utf8) == true)
        // Reserved bits and an opcode that does not exist.
        await socket.send(raw: [0xFF, 0x80, 0, 0, 0, 0])
        #expect(await socket.closeCode() == 1002)
        await server.shutdown()
    }

    @Test func `a reset is reported as such`() async throws {
        let server = try await FakeOpenAIRealtime.start()
        let socket = try await RawWebSocket.connect(server.url + "?model=m")
        await socket.reset()
        try await server.timeline.waitFor { $0.kind == .disconnected(code: 1006) }
        await server.shutdown()
    }

    @Test func `a refusal reports its status`() async throws {
        let server = try await FakeOpenAIRealtime.start(.init(apiKey: "key"))
        await #expect {
            _ = try await RawWebSocket.connect(server.url + "?model=m")
        } throws: { error in
            "\(error)".contains("401")
        }
        await server.shutdown()
    }
}
