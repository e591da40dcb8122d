import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// A gateway of agents on a WebSocket.
@Suite(.timeLimit(.minutes(5))) struct GatewayTests {
    /// Keeps its messages, and answers each request as the test says.
    private final class FakeGateway: Sendable {
        enum Behaviour: Sendable { case answers, refuses, isSilent, hangsUp }

        let behaviour: Mutex<Behaviour>
        private let requests: AsyncStream<JSONValue>
        private let request: AsyncStream<JSONValue>.Continuation
        private let keys: AsyncStream<String?>
        private let key: AsyncStream<String?>.Continuation

        init(_ behaviour: Behaviour) {
            self.behaviour = Mutex(behaviour)
            (requests, request) = AsyncStream.makeStream()
            (keys, key) = AsyncStream.makeStream()
        }

        private final class Consumer: WebSocketConsumer {
            private let gateway: FakeGateway
            private var connection: WebSocketConnection?

            init(_ gateway: FakeGateway) { self.gateway = gateway }
            func opened(_ connection: WebSocketConnection) { self.connection = connection }
            func closed(_ close: WebSocketClose) {}

            func received(_ message: RawSpan, isText: Bool) {
                let json = (try? JSONValue(parsing: message)) ?? .null
                gateway.request.yield(json)
                guard let id = json["id"] else { return }
                switch gateway.behaviour.withLock({ $0 }) {
                case .answers: send(["jsonrpc": "2.0", "id": id, "result": ["ok": true]])
                case .refuses: send(["jsonrpc": "2.0", "id": id, "error": ["code": -1, "message": "no"]])
                case .isSilent: break
                case .hangsUp:
                    gateway.behaviour.withLock { $0 = .answers }
                    let connection = connection
                    Task { await connection?.close() }
                }
            }

            private func send(_ message: JSONValue) {
                guard let connection else { return }
                _ = connection.write(message.serialized().span.bytes)
                connection.flush()
            }
        }

        func run(_ body: (String) async throws -> Void) async throws {
            let server = try await WebSocketServer.bind(
                group: MultiThreadedEventLoopGroup.singleton,
                routes: WebSocketRoutes { upgrade in
                    self.key.yield(upgrade.headers.first(name: "Authorization"))
                    return .accept(.agent) { Consumer(self) }
                }
            )
            do {
                try await body("ws://127.0.0.1:\(server.port)/")
            } catch {
                await server.close()
                throw error
            }
            await server.close()
        }

        func next() async -> JSONValue {
            for await one in requests { return one }
            return .null
        }

        func nextKey() async -> String? {
            for await one in keys { return one }
            return nil
        }
    }

    private func run(
        _ behaviour: FakeGateway.Behaviour,
        patience: Duration = .seconds(30),
        heartbeat: Duration = .seconds(30),
        _ body: (FakeGateway, GatewayTransport, CallSnapshot) async throws -> Void
    ) async throws {
        let gateway = FakeGateway(behaviour)
        try await gateway.run { url async throws in
            let store = try SQLCallStore(.memory, identifiers: SystemIdentifiers())
            var call = EndedCalls.call("one")
            call.metadata = ["order": 7]
            call.agent.instructions = "Be kind."
            call.transcript = [TranscriptEntry(speaker: .caller, text: "Bye", milliseconds: 1000)]
            try await store.journal(call)
            try await store.save(call)
            let transport = try GatewayTransport(
                .init(url: url, token: "a token", session: "office"),
                policy: .development,
                store: store,
                clock: SystemClock(),
                patience: patience,
                heartbeatEvery: heartbeat
            )
            try await body(gateway, transport, call)
            await transport.close()
        }
    }

    private func event(_ kind: CallEvent.Kind) throws -> OutboxEvent {
        var event = try #require(
            EventCatalogue.event(
                CallEvent(callID: CallID("one"), at: .seconds(1), kind: kind),
                at: WallTime(milliseconds: 1_772_366_400_000)
            )
        )
        event.data.set("to_number", "+14155550101")
        return event
    }

    @Test func `each event becomes a request with a flat object`() async throws {
        try await run(.answers) { gateway, transport, call async throws in
            #expect(try await transport.deliver(event(.started)) == .delivered)
            #expect(await gateway.nextKey() == "Bearer a token")
            let started = await gateway.next()
            #expect(started["jsonrpc"] == "2.0" && started["method"] == "sessions_send" && started["id"] == 1)
            #expect(started["params"]?["sessionKey"] == "office")
            #expect(
                started["params"]?["message"] == [
                    "message_type": "call_started", "call_id": "one", "to_number": "+14155550101",
                    "prompt": "Be kind.", "metadata": ["order": 7], "timestamp": "2026-03-01T12:00:00.000Z",
                ]
            )
            let words = TranscriptEntry(speaker: .caller, text: "Bye", milliseconds: 1000)
            #expect(try await transport.deliver(event(.transcript(words))) == .delivered)
            #expect(
                await gateway.next()["params"]?["message"] == [
                    "message_type": "transcript", "call_id": "one", "speaker": "user", "text": "Bye",
                    "is_final": true, "timestamp": "2026-03-01T12:00:00.000Z",
                ]
            )
            // The gateway has no word for repeated turns.
            #expect(try await transport.deliver(event(.transcriptCorrected(words))) == .delivered)
            let end = try #require(EventCatalogue.events(endOf: call).last)
            #expect(await transport.deliver(end) == .delivered)
            #expect(
                await gateway.next()["params"]?["message"] == [
                    "message_type": "call_ended", "call_id": "one", "duration": .seconds(.seconds(34)),
                    "outcome": "caller_hangup",
                    "full_transcript": "user: Bye", "summary": nil, "timestamp": "2026-03-01T12:00:34.000Z",
                ]
            )
        }
    }

    @Test func `events without a word of the gateway are not sent`() async throws {
        try await run(.answers) { gateway, transport, _ async throws in
            #expect(try await transport.deliver(event(.ringing)) == .delivered)
            #expect(try await transport.deliver(event(.dtmf)) == .delivered)
            let first = await gateway.next()["params"]?["message"]
            #expect(first?["message_type"] == "action" && first?["action_type"] == "dtmf")
        }
    }

    @Test func `a refused message is not sent again`() async throws {
        try await run(.refuses) { _, transport, _ async throws in
            #expect(try await transport.deliver(event(.started)) == .refused("the gateway refused the message"))
        }
    }

    @Test func `a gateway that never answers counts as having accepted the message`() async throws {
        try await run(.isSilent, patience: .milliseconds(20)) { gateway, transport, _ async throws in
            #expect(try await transport.deliver(event(.started)) == .delivered)
            #expect(await gateway.next()["params"]?["message"]?["message_type"] == "call_started")
        }
    }

    @Test func `a message under way at the loss of the socket is sent again on another`() async throws {
        try await run(.hangsUp) { gateway, transport, _ async throws in
            let event = try event(.started)
            #expect(await transport.deliver(event) == .failed("the gateway's socket was lost"))
            #expect(await transport.deliver(event) == .delivered)
            let (first, second) = (await gateway.next(), await gateway.next())
            #expect(first["params"] == second["params"] && first["id"] != second["id"])
        }
    }

    @Test func `an unreachable gateway is tried again`() async throws {
        let store = try SQLCallStore(.memory, identifiers: SystemIdentifiers())
        let transport = try GatewayTransport(
            .init(url: "ws://127.0.0.1:9/"),
            policy: .development,
            store: store,
            clock: SystemClock()
        )
        #expect(try await transport.deliver(event(.started)) == .failed("the gateway could not be reached"))
    }

    @Test func `a heartbeat shows that the socket is alive`() async throws {
        try await run(.answers, heartbeat: .milliseconds(5)) { gateway, transport, _ async throws in
            _ = await transport.deliver(try event(.started))
            _ = await gateway.next()
            let beat = await gateway.next()
            #expect(beat["id"] == nil && beat["params"]?["message"]?["message_type"] == "heartbeat")
        }
    }
}
