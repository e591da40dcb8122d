import NIOCore
import NIOPosix
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathNIO

/// Peers that send malformed messages on a call's sockets are closed with a reason, and other calls are not affected.
@Suite(.timeLimit(.minutes(5)), .serialized) struct RubbishTests {
    typealias Stage = TelephonySocketTests.Stage
    typealias CarrierEnd = TelephonySocketTests.CarrierEnd

    private static let dtmf =
        #"{"event":"dtmf","sequenceNumber":"5","streamSid":"MZ1","dtmf":{"track":"inbound_track","digit":"1"}}"#

    enum Rubbish: CaseIterable {
        case empty, binary, deep, wide, badAudio, keys, media

        var message: String {
            switch self {
            case .empty: ""
            case .binary: #"{"event":"mark","streamSid":"MZ1","mark":{"name":"x"}}"#
            case .deep: String(repeating: "[", count: 30_000)
            case .wide: #"{"customParameters":{"# + (0..<5000).map { #""k\#($0)":1"# }.joined(separator: ",") + "}}"
            case .badAudio: #"{"event":"media","streamSid":"MZ1","media":{"track":"inbound","payload":"!!!"}}"#
            case .keys: RubbishTests.dtmf
            case .media:
                #"{"event":"media","streamSid":"MZ1","media":{"track":"inbound","payload":"////////////////////////"}}"#
            }
        }

        var overrun: WebSocketOverrun {
            switch self {
            case .empty, .binary, .deep, .badAudio: .faults
            case .wide: .bytes
            case .keys: .events
            case .media: .frames
            }
        }
    }

    @Test(arguments: Rubbish.allCases)
    func `a carrier that sends malformed messages is closed with a reason while another call goes on`(rubbish: Rubbish)
        async throws
    {
        let stage = try await Stage(admission: Stage.open)
        try await stage.run {
            let neighbour = try await stage.connect()
            try await neighbour.start()
            await stage.modelLog.waitFor("session.update")
            let rude = try await stage.connect()
            try await rude.start(call: "CA2")
            let connection = rude.connection.value!
            let message = Array(rubbish.message.utf8)
            let flood = Task {
                while connection.isOpen {
                    try await connection.eventLoop.submit {
                        for _ in 0..<(message.count > 1000 ? 1 : 10) {
                            connection.write(message.span.bytes, binary: rubbish == .binary)
                        }
                        connection.flush()
                    }.get()
                    // Slow enough that large messages do not pile up on this side.
                    if message.count > 1000 { try await Task.sleep(for: .milliseconds(2)) }
                }
            }
            let close = await rude.waitForClose()
            flood.cancel()
            #expect(close?.code == WebSocketCloseCode.policyViolation)
            #expect(close?.reason == rubbish.overrun.words)
            try await neighbour.sendFrames(3)
            for await message in neighbour.messages where message["event"]?.string == "media" { break }
        }
    }

    /// A model that sends malformed messages without end.
    private final class NonsenseModel: WebSocketConsumer {
        private let closes: AsyncStream<WebSocketClose>.Continuation
        private var connection: WebSocketConnection?
        private let message: String

        init(_ message: String, _ closes: AsyncStream<WebSocketClose>.Continuation) {
            self.message = message
            self.closes = closes
        }

        func opened(_ connection: WebSocketConnection) {
            self.connection = connection
            _ = connection.write(Array(#"{"type":"session.created","session":{}}"#.utf8).span.bytes)
            flood()
        }

        private func flood() {
            guard let connection, connection.isOpen else { return }
            let bytes = Array(message.utf8)
            for _ in 0..<100 { connection.write(bytes.span.bytes) }
            connection.flush()
            connection.eventLoop.assumeIsolated().execute { self.flood() }
        }

        func received(_ message: RawSpan, isText: Bool) {}

        func closed(_ close: WebSocketClose) {
            connection = nil
            closes.yield(close)
        }
    }

    @Test(
        arguments: [
            ("nonsense", .faults), (#"{"type":"response.created","response":{"id":"r"}}"#, .events),
            (#"{"type":"rate_limits.updated"}"#, .frames),
        ] as [(String, WebSocketOverrun)]
    )
    func `a malformed message closes the model with a reason`(message: String, overrun: WebSocketOverrun) async throws {
        let (closes, queue) = AsyncStream.makeStream(of: WebSocketClose.self)
        let model = try await WebSocketServer.bind(
            group: MultiThreadedEventLoopGroup.singleton,
            routes: WebSocketRoutes { _ in .accept(.agent) { NonsenseModel(message, queue) } }
        )
        let stage = try await Stage(admission: { agent in
            var agent = agent
            agent.baseURL = "ws://127.0.0.1:\(model.port)/v1/realtime"
            return Stage.open(agent)
        })
        try await stage.run {
            let carrier = try await stage.connect()
            try await carrier.start()
            let close = await closes.first { _ in true }
            #expect(close?.code == WebSocketCloseCode.policyViolation && close?.reason == overrun.words)
        }
        await model.close()
    }
}
