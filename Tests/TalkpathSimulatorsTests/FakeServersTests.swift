import AsyncHTTPClient
import NIOCore
import NIOPosix
import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathSimulators

/// A WebSocket client that keeps what it receives.
private actor Client {
    private var messages: [JSONValue] = []
    private var waiters: [CheckedContinuation<Void, Never>] = []
    private(set) var close: SimulatorSocket.Close?
    private var socket: SimulatorSocket?
    private(set) var binaryFrames = 0

    static func connect(_ url: String, headers: [(String, String)] = []) async throws -> Client {
        let client = Client()
        let address = try #require(PlainURL(url))
        let socket = try await SimulatorSocket.connect(
            host: address.host,
            port: address.effectivePort,
            target: address.requestTarget,
            headers: [("Host", address.authority)] + headers,
            on: MultiThreadedEventLoopGroup.singleton.next(),
            events: .init(
                opened: { _ in },
                received: { _, message, isText in Task { await client.take(message, isText) } },
                closed: { _, close in Task { await client.end(close) } }
            )
        )
        await client.keep(socket)
        return client
    }

    func send(_ text: String) {
        guard let socket else { return }
        socket.channel.eventLoop.execute {
            socket.send(Array(text.utf8))
            socket.flush()
        }
    }

    func hangUp() {
        guard let socket else { return }
        socket.channel.eventLoop.execute { socket.close(code: 1000) }
    }

    /// The first message that matches.
    func message(_ predicate: (JSONValue) -> Bool) async -> JSONValue? {
        while true {
            if let place = messages.firstIndex(where: predicate) { return messages.remove(at: place) }
            if close != nil { return Optional<JSONValue>.none }
            await withCheckedContinuation { waiters.append($0) }
        }
    }

    func closed() async -> SimulatorSocket.Close? {
        while close == nil { await withCheckedContinuation { waiters.append($0) } }
        return close
    }

    private func keep(_ socket: SimulatorSocket) { self.socket = socket }

    private func take(_ message: [UInt8], _ isText: Bool) {
        messages.append(JSONValue(message))
        if !isText { binaryFrames += 1 }
        wake()
    }

    private func end(_ close: SimulatorSocket.Close) {
        self.close = close
        wake()
    }

    private func wake() {
        for waiter in waiters { waiter.resume() }
        waiters = []
    }
}

struct FakeModelServersTests {
    private let script = AgentScript(
        turns: [SyntheticSpeech.agentTurn(.connect, number: 0, lasting: .milliseconds(400))],
        thinkingTime: .milliseconds(10)
    )

    @Test func `OpenAI greets and answers over a socket`() async throws {
        let server = try await FakeOpenAIRealtime.start(.init(apiKey: "key", script: script, pace: .fast(10)))
        let client = try await Client.connect(server.url + "?model=m", headers: [("Authorization", "Bearer key")])
        #expect(await client.message { $0["type"] == "session.created" } != nil)
        await client.send(#"{"type":"session.update","session":{"type":"realtime"}}"#)
        #expect(await client.message { $0["type"] == "session.updated" } != nil)
        await client.send(#"{"type":"response.create"}"#)
        #expect(await client.message { $0["type"] == "response.done" } != nil)
        let sessions = await server.sessions()
        #expect(sessions.map(\.model) == ["m"])
        #expect(sessions[0].items.map { $0.audio.count } == [400 * 48])
        await client.hangUp()
        try await server.timeline.waitFor { $0.kind == .disconnected(code: 1000) }
        #expect(await server.openSessions() == 0)
        await server.shutdown()
    }

    @Test(arguments: [
        ("/v1/realtime?model=m", [("Authorization", "Bearer wrong")], 401), ("/v1/realtime?model=m", [], 401),
        ("/v1/realtime", [("Authorization", "Bearer key")], 400), ("/v2", [("Authorization", "Bearer key")], 404),
        ("/v1/realtime?model=m", [("Authorization", "Bearer key"), ("OpenAI-Beta", "realtime=v1")], 400),
    ])
    func `OpenAI refuses a client with a wrong key`(target: String, headers: [(String, String)], status: Int)
        async throws
    {
        let server = try await FakeOpenAIRealtime.start(.init(apiKey: "key"))
        await #expect {
            _ = try await Client.connect("ws://127.0.0.1:\(server.port)\(target)", headers: headers)
        } throws: { error in
            (error as? SimulatorSocketError)?.status == status
        }
        await server.shutdown()
    }

    @Test func `faults of the socket occur in their sessions`() async throws {
        let faults = [
            AgentFault(.refuse(status: 503), at: .handshake, sessions: 0...0),
            AgentFault(.vanish, at: .opened, sessions: 1...1),
            AgentFault(.close(code: 1011, reason: "later"), at: .setup, sessions: 2...2),
        ]
        let server = try await FakeOpenAIRealtime.start(.init(faults: faults))
        await #expect(throws: SimulatorSocketError.self) { _ = try await Client.connect(server.url + "?model=m") }
        let vanished = try? await Client.connect(server.url + "?model=m")
        if let vanished { #expect(await vanished.closed()?.code == 1006) }
        let third = try await Client.connect(server.url + "?model=m")
        await third.send(#"{"type":"session.update","session":{"type":"realtime"}}"#)
        #expect(await third.closed() == .init(code: 1011, reason: "later", isOurs: false))
        await server.shutdown()
    }

    @Test func `a session can be made to fail by hand`() async throws {
        let server = try await FakeGeminiLive.start()
        let client = try await Client.connect(server.url)
        await client.send(#"{"setup":{"model":"models/m"}}"#)
        #expect(await client.message { $0["setupComplete"] != nil } != nil)
        await server.perform(.goAway(timeLeft: .milliseconds(20)))
        #expect(await client.message { $0["goAway"]?["timeLeft"]?.string == "0.02s" } != nil)
        #expect(await client.closed()?.code == 1001)
        #expect(await client.binaryFrames == 2)
        await server.shutdown()
    }

    @Test func `Gemini accepts its key in the header or the query and a path with two slashes`() async throws {
        let server = try await FakeGeminiLive.start(.init(apiKey: "key"))
        let path = server.url.replacing("/ws/", with: "//ws/")
        let first = try await Client.connect(path + "?key=key")
        let second = try await Client.connect(server.url, headers: [("x-goog-api-key", "key")])
        await first.send("x")
        #expect(await first.closed()?.code == 1007)
        await #expect(throws: SimulatorSocketError.self) { _ = try await Client.connect(server.url) }
        await server.shutdown()
        _ = await second.closed()
    }

    @Test func `a shutdown closes every listening socket`() async throws {
        let server = try await FakeOpenAIRealtime.start()
        let client = try await Client.connect(server.url + "?model=m")
        let url = server.url + "?model=m"
        await server.shutdown()
        await server.shutdown()
        _ = await client.closed()
        await #expect(throws: (any Error).self) { _ = try await Client.connect(url) }
    }
}
