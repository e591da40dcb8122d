import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TalkpathStore

/// A media socket that came to a node that has not its call: its messages go on to the node that has it, word for word,
/// and that node's come back.
///
/// Used on the socket's event loop only.
final class MediaRelay: WebSocketConsumer {
    /// The result of the search for the call's node.
    enum Outcome: Sendable {
        case opened(WebSocketConnection)
        /// No other node has the call.
        case noCall
        /// The call's node does not answer.
        case noAnswer
    }

    /// Opens the socket to the other node, or writes a log line why not.
    typealias Open = @Sendable (any EventLoop, @escaping @Sendable () -> FarEnd) async -> Outcome

    private let open: Open
    private let tellIsOpen: (Bool) -> Void
    private var near: WebSocketConnection?
    fileprivate var far: WebSocketConnection?
    /// The messages that arrived before the other node's socket was open.
    private var waiting: [(bytes: [UInt8], isText: Bool)] = []
    private var waitingBytes = 0
    private var isClosed = false

    /// Some three seconds of audio, which is the time for opening the other socket.
    private static let mostWaiting = 1 << 16

    /// - Parameter tellIsOpen: is told when the socket has opened, and when it has closed.
    init(tellIsOpen: @escaping (Bool) -> Void, open: @escaping Open) {
        self.tellIsOpen = tellIsOpen
        self.open = open
    }

    func opened(_ connection: WebSocketConnection) {
        tellIsOpen(true)
        near = connection
        let loop = connection.eventLoop
        let me = NIOLoopBound(self, eventLoop: loop)
        let open = open
        Task {
            let outcome = await open(loop) { FarEnd(me.value) }
            loop.execute { me.value.found(outcome) }
        }
    }

    private func found(_ outcome: Outcome) {
        let connection: WebSocketConnection
        switch outcome {
        case .opened(let far): connection = far
        case .noCall:
            near?.beginClose(code: WebSocketCloseCode.policyViolation, reason: "no node has this call")
            return
        case .noAnswer:
            near?.beginClose(code: WebSocketCloseCode.internalError, reason: "the call's node does not answer")
            return
        }
        guard !isClosed else { return connection.beginClose() }
        far = connection
        for message in waiting { _ = connection.write(message.bytes.span.bytes, binary: !message.isText) }
        waiting = []
        connection.flush()
    }

    func received(_ message: RawSpan, isText: Bool) {
        if let far {
            _ = far.write(message, binary: !isText)
            return
        }
        waitingBytes += message.byteCount
        guard waitingBytes <= Self.mostWaiting else {
            near?.beginClose(code: WebSocketCloseCode.policyViolation, reason: "the call's node does not answer")
            return
        }
        waiting.append((bytes: message.withUnsafeBytes { Array($0) }, isText: isText))
    }

    func readComplete() { far?.flush() }

    func closed(_ close: WebSocketClose) {
        isClosed = true
        tellIsOpen(false)
        near = nil
        waiting = []
        far?.beginClose(code: Self.code(close))
    }

    fileprivate func cameBack(_ message: RawSpan, isText: Bool) { _ = near?.write(message, binary: !isText) }
    fileprivate func cameBackWhole() { near?.flush() }

    fileprivate func farClosed(_ close: WebSocketClose) {
        far = nil
        near?.beginClose(code: Self.code(close), reason: close.cause == .peer ? close.reason : "")
    }

    private static func code(_ close: WebSocketClose) -> UInt16 {
        WebSocketCloseCode.maySend(close.code) ? close.code : WebSocketCloseCode.goingAway
    }

    /// The socket to the node that has the call.
    final class FarEnd: WebSocketConsumer {
        private let relay: MediaRelay

        init(_ relay: MediaRelay) {
            self.relay = relay
        }

        func opened(_ connection: WebSocketConnection) {}
        func received(_ message: RawSpan, isText: Bool) { relay.cameBack(message, isText: isText) }
        func readComplete() { relay.cameBackWhole() }
        func closed(_ close: WebSocketClose) { relay.farClosed(close) }
    }
}

extension MediaStreamRoute {
    /// Relays a socket to the node that has its call; that node checks the carrier's signature.
    ///
    /// - Returns: `nil` for a socket that is to be answered here: it names no call, none that a node could have, or one of
    ///   this node's; or another node has relayed it already.
    func relay(_ request: UpgradeRequest, of call: CallID?) -> UpgradeDecision? {
        guard let nodes = state.nodes, let call, call.isPlausible, !state.manager.directory.contains(call),
            request.headers.first(name: "Talkpath-Node-Signature") == nil
        else { return nil }
        // The relay would end with this process. A balancer asks another node then.
        guard !state.isDraining else {
            return .refuse(.serviceUnavailable, headers: ["Retry-After": "1"], body: "This node stops")
        }
        let target = request.query.isEmpty ? request.path : "\(request.path)?\(request.query)"
        let passed = ["X-Twilio-Signature", "X-Twilio-Signature-Settings"]
        let signatures = passed.compactMap { name in request.headers.first(name: name).map { (name, $0) } }
        let state = state
        return .accept(.telephony) {
            MediaRelay(tellIsOpen: { nodes.relays(isOpen: $0) }) { loop, makeFarEnd in
                guard let owner = await nodes.otherOwner(of: call.text) else {
                    state.bridge.refused(.unknownToken)
                    state.tell("A media socket is for a call that no node has", cause: "media relay: no call")
                    return .noCall
                }
                let proof = nodes.client.headers(
                    .init(method: .get, target: target),
                    to: owner.epoch,
                    from: nodes.epoch
                )
                do throws(WebSocketClientError) {
                    let far = try await WebSocketClient.connect(
                        url: "ws" + owner.url.dropFirst("http".count) + target,
                        headers: signatures + proof.map { ($0.name, $0.value) },
                        eventLoop: loop,
                        timeout: .seconds(3),
                        makeConsumer: makeFarEnd
                    )
                    nodes.instruments.relayedMediaSocket()
                    state.tell(
                        "A media socket came to the wrong node and is relayed: TALKPATH_NODE_MEDIA_URL leads it to the right one",
                        cause: "media relay"
                    )
                    return .opened(far)
                } catch {
                    state.tell(
                        "A media socket could not be relayed to the node that has its call",
                        cause: "media relay: \(owner.epoch)",
                        metadata: ["reason": "\(error)"]
                    )
                    return .noAnswer
                }
            }
        }
    }
}
