import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import TestDatabases
import Testing

@testable import TalkpathServer

/// What comes to a node from outside, for calls that it has not.
@Suite(.timeLimit(.minutes(2)), .enabled(if: TestPostgres.isInstalled)) struct NodeDoorTests {
    // MARK: Media sockets

    @Test func `a media socket is relayed with the carrier's signature only, and closed where no node has the call`()
        async throws
    {
        try await NodeStage.run { stage in
            let call = try await stage[0].place()
            await #expect(throws: WebSocketClientError.self) {
                _ = try await stage[1].mediaSocket("/twilio/media-stream/\(call)", token: nil)
            }
            let nowhere = SystemIdentifiers().makeCallID()
            for path in ["/twilio/media-stream/\(nowhere)", WebCallRoutes.mediaPath(of: nowhere)] {
                let socket = try await stage[1].mediaSocket(path)
                #expect(await socket.waitForClose()?.code == WebSocketCloseCode.policyViolation, "\(path)")
            }
            let metrics = try await stage[1].send(.GET, "/metrics").text
            #expect(metrics.contains("talkpath_media_sockets_relayed_total 0"))
        }
    }

    @Test func `the media socket of a web call reaches its node`() async throws {
        try await NodeStage.run { stage in
            let answer = try await stage[0].send(.POST, "/api/web-calls", "{}")
            let path = try #require(answer["media_path"]?.string)
            let call = CallID(try #require(answer["call_id"]?.string))
            let page = try await stage[1].mediaSocket(path, token: nil)
            page.start(call: "", token: answer["token"]?.string)
            _ = try await stage.wait(for: call, on: 0) { $0["status"] == "in_progress" }
            #expect(try await stage[1].end(call).status == 200)
            #expect(await page.waitForClose() != nil)
        }
    }

    @Test func `a node that stops relays until the sockets close, and refuses new ones`() async throws {
        try await NodeStage.run(configure: { $0.drainTimeout = .seconds(60) }) { stage in
            let (call, late) = (try await stage[0].place(), try await stage[0].place())
            let token = try await stage[0].streamToken(of: call)
            let phone = try await stage[1].mediaSocket("/twilio/media-stream/\(call)")
            phone.start(call: FakeCarrier.name(call), token: token)
            _ = try await stage.wait(for: call, on: 0) { $0["status"] == "in_progress" }
            await stage[1].server.beginShutdown()
            while try await stage[1].send(.GET, "/ready", key: nil)["status"] != "draining" {
                try await Task.sleep(for: .milliseconds(10))
            }
            await #expect(throws: WebSocketClientError.self) {
                _ = try await stage[1].mediaSocket("/twilio/media-stream/\(late)")
            }
            #expect(stage[1].server.state.nodes?.relayedSockets == 1)
            #expect(try await stage[0].send(.GET, "/api/calls/\(call)")["status"] == "in_progress")
            #expect(try await stage[0].end(call).status == 200)
            #expect(await phone.waitForClose() != nil)
            try await stage[1].server.waitUntilStopped()
        }
    }

    @Test func `in development a page of another site has no socket relayed`() async throws {
        try await NodeStage.run(1, configure: { $0.isDevelopment = true }) { stage in
            let path = WebCallRoutes.mediaPath(of: SystemIdentifiers().makeCallID())
            await #expect(throws: WebSocketClientError.self) {
                _ = try await stage[0].mediaSocket(path, token: nil, headers: [("Origin", "https://example.com")])
            }
        }
    }

    @Test func `only names that a node may have given are looked up`() {
        #expect(SystemIdentifiers().makeCallID().isPlausible)
        let others = [
            "", "call", "CA0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef0123",
            "01234567-89ab-4def-8123-456789abcdeF", "01234567-89ab-4def-8123-456789abcdef0",
        ]
        for name in others { #expect(!CallID(name).isPlausible, "\(name)") }
    }

    // MARK: Inbound calls

    @Test func `an inbound call that is announced to all nodes at once is one call`() async throws {
        try await NodeStage.run(3, configure: { $0.maximumCallsPerTenant = 1 }) { stage in
            let form: FormParameters = [
                "CallSid": "CA0123456789abcdef0123456789abcdef", "CallStatus": "ringing", "AccountSid": "AC1",
                "From": TestServer.number, "To": "+14155550100", "Direction": "inbound",
            ]
            let answers = try await withThrowingTaskGroup(of: TestServer.Answer.self) { group in
                for number in 0..<12 {
                    group.addTask { try await stage[number % 3].webhook("/twilio/voice", form) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(answers.map(\.text)).count == 1 && answers.allSatisfy { $0.text.contains("<Connect>") })
            #expect(stage.nodes.map { $0.server.manager.liveCalls }.reduce(0, +) == 1)
        }
    }

    @Test func `a node that stops takes no new inbound call and still answers for its own`() async throws {
        try await NodeStage.run { stage in
            let call = try await stage[0].place()
            await stage[0].server.beginShutdown()
            while !stage[0].server.state.isDraining { try await Task.sleep(for: .milliseconds(5)) }
            let form: FormParameters = [
                "CallSid": "CA0123456789abcdef0123456789abcdef", "CallStatus": "ringing", "AccountSid": "AC1",
                "From": TestServer.number, "To": "+14155550100", "Direction": "inbound",
            ]
            let refused = try await stage[0].webhook("/twilio/voice", form)
            #expect(refused.status == 503 && refused["code"] == "draining", "\(refused.text)")
            #expect(try await stage[1].webhook("/twilio/voice", form).text.contains("<Connect>"))
            let again = try await stage[0].webhook("/twilio/voice", form)
            #expect(again.text.contains("<Connect>"), "it is another node's now: \(again.text)")
            _ = try await stage[0].streamToken(of: call)
            #expect(try await stage[1].end(call).status == 200)
        }
    }

    @Test func `a full node leaves an inbound call to another one and a tenant's limit is busy on all`() async throws {
        func form(_ number: Int) -> FormParameters {
            [
                "CallSid": "CA0123456789abcdef0123456789abcde\(number)", "CallStatus": "ringing", "AccountSid": "AC1",
                "From": TestServer.number, "To": "+14155550100", "Direction": "inbound",
            ]
        }
        try await NodeStage.run(configure: { $0.maximumCalls = 1 }) { stage in
            let first = try await stage[0].webhook("/twilio/voice", form(1))
            #expect(first.text.contains("<Connect>"))
            let full = try await stage[0].webhook("/twilio/voice", form(2))
            #expect(full.status == 503 && full["code"] == "too_many_calls", "\(full.text)")
            let next = try await stage[1].webhook("/twilio/voice", form(2))
            #expect(next.text.contains("<Connect>"))
        }
        try await NodeStage.run(configure: { $0.maximumCallsPerTenant = 1 }) { stage in
            let first = try await stage[0].webhook("/twilio/voice", form(3))
            #expect(first.text.contains("<Connect>"))
            let busy = try await stage[1].webhook("/twilio/voice", form(4))
            #expect(busy.text.contains("<Reject reason=\"busy\""), "\(busy.text)")
        }
    }

    // MARK: The list of live calls

    private struct Writer: ResponseBodyWriter {
        let queue: AsyncStream<String>.Continuation
        mutating func write(_ buffer: ByteBuffer) async throws { queue.yield(String(buffer: buffer)) }
        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }

    @Test func `who watches the list sees the calls of other nodes begin and end`() async throws {
        try await NodeStage.run { stage in
            let first = try await stage[0].place()
            let (texts, queue) = AsyncStream.makeStream(of: String.self)
            let stream = CallListStream(
                tenant: ServerConfiguration.APIKey.defaultTenant,
                state: stage[1].server.state,
                pause: .milliseconds(10),
                survey: .milliseconds(20)
            )
            let watching = Task {
                var writer: any ResponseBodyWriter = Writer(queue: queue)
                try await stream.write(to: &writer)
            }
            var text = ""
            func wait(for event: String, _ call: CallID) async {
                while !text.split(separator: "\n\n").contains(where: {
                    $0.hasPrefix("event: \(event)\n") && $0.contains(call.text)
                }) {
                    guard let more = await texts.first(where: { _ in true }) else { return }
                    text += more
                }
            }
            await wait(for: "calls", first)
            let second = try await stage[0].place()
            await wait(for: "call", second)
            _ = try await stage[0].end(first)
            await wait(for: "ended", first)
            #expect(!text.contains("event: ended\ndata: {\"call_id\":\"\(second)\""))
            watching.cancel()
            _ = await watching.result
        }
    }
}
