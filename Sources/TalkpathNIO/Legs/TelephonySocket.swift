import NIOCore
import TalkpathAudio
package import TalkpathCore
package import TalkpathWire

/// The rule by which a media socket gets a call.
package enum TelephonyAdmission: Sendable {
    /// The `start` message must contain a parameter `token` that the manager handed out.
    case token
    /// Every socket is a new call. For development and for simulators.
    case open(@Sendable (TelephonyStreamStart) -> InboundCall)
}

/// Counts of the media sockets that never got a call, by cause.
package struct TelephonyRefusals: Equatable, Sendable {
    /// Sockets that closed, sent a hundred other messages, or stayed silent for five seconds, without a `start`.
    package var withoutStart = 0
    /// Sockets without a token, with a spent or expired one, for a call that is over, or in an unsupported format.
    package var withoutCall = 0
    /// Messages before `start` that were not understood, or that must not come before it.
    package var badMessages = 0

    enum Reason {
        case withoutStart, withoutCall, badMessage
    }

    mutating func count(_ reason: Reason) {
        switch reason {
        case .withoutStart: withoutStart += 1
        case .withoutCall: withoutCall += 1
        case .badMessage: badMessages += 1
        }
    }
}

/// The carrier's media socket.
///
/// Until `start` arrives it belongs to no call; from then on its messages are the call's. Everything runs on the event loop
/// of the socket. Where that is not the loop of the call's lane, the messages are relayed: copied, and handed to the other
/// loop, both ways.
package final class TelephonySocket: WebSocketConsumer {
    private enum State {
        case waiting(Scheduled<Void>?)
        /// The call, and the number of this socket in it.
        case attached(CallSession, CallMedia, line: Int)
        case relaying(MediaStream)
        case refused
    }

    private let bridge: MediaBridge
    private let admission: TelephonyAdmission
    /// False for a socket whose messages are relayed already.
    private let mayRelay: Bool
    private var connection: (any MediaConnection)?
    private var state = State.waiting(nil)
    private var codec = TwilioMediaStreamsCodec()
    private var messagesBeforeStart = 0
    private var conduct: LegConduct?
    /// Binary messages, which carriers do not send; they count as faults.
    private var binaryMessages = 0

    private static let startTimeout = TimeAmount.seconds(5)
    private static let mostMessagesBeforeStart = 100

    init(bridge: MediaBridge, admission: TelephonyAdmission, mayRelay: Bool = true) {
        self.bridge = bridge
        self.admission = admission
        self.mayRelay = mayRelay
    }

    package func opened(_ connection: WebSocketConnection) {
        opened(connection as any MediaConnection)
    }

    /// Takes a new connection, of Talkpath's server or of an embedder's, and waits up to 5 s for its start message.
    func opened(_ connection: any MediaConnection) {
        self.connection = connection
        conduct = connection.budget.map { LegConduct($0, at: connection.eventLoop.now) }
        let patience = connection.eventLoop.assumeIsolated().scheduleTask(in: Self.startTimeout) {
            self.refuse(.withoutStart, .withoutStart, "no start message arrived")
        }
        state = .waiting(patience)
    }

    package func received(_ message: RawSpan, isText: Bool) {
        switch state {
        case .attached(_, let media, _):
            if !isText { binaryMessages += 1 }
            let before = media.events.count
            media.telephonyReceived(message, at: bridge.clock.now)
            judge(media, events: media.events.count - before)
        case .relaying(let stream):
            stream.relay(message, isText: isText)
        case .waiting:
            receiveBeforeStart(message)
        case .refused:
            break
        }
    }

    private func judge(_ media: CallMedia, events: Int) {
        let faults = media.counters.badTelephonyMessages + media.uplink.counters.badPayloads + binaryMessages
        guard let connection,
            let overrun = conduct?.judge(faults: faults, events: events, on: connection.eventLoop)
        else { return }
        connection.overran(overrun)
    }

    package func readComplete() {
        if case .relaying(let stream) = state { return stream.relayRead() }
        guard case .attached(let session, let media, _) = state else { return }
        if !media.events.isEmpty {
            let now = bridge.clock.now
            session.assumeIsolated { $0.handleMediaEvents(at: now) }
        }
        media.pump()
    }

    package func closed(_ close: WebSocketClose) {
        switch state {
        case .waiting(let patience):
            patience?.cancel()
            bridge.refused(TelephonyRefusals.Reason.withoutStart)
            bridge.refused(MediaRefusal.withoutStart)
            bridge.tell(refusal: "it was closed before its start message")
        case .attached(let session, _, let line):
            if case .overrun(let overrun) = close.cause { bridge.overran(overrun, leg: .telephony) }
            // In a later turn of the loop, because the socket may have broken while the session was writing to it.
            connection?.eventLoop.execute { [bridge] in
                let now = bridge.clock.now
                session.assumeIsolated { session in
                    // Passes on the carrier's last messages, such as `stop`, that arrived together with the close.
                    session.handleMediaEvents(at: now)
                    session.mediaClosed(line: line)
                }
            }
        case .relaying(let stream):
            if case .overrun(let overrun) = close.cause { bridge.overran(overrun, leg: .telephony) }
            stream.closed()
        case .refused:
            break
        }
        state = .refused
        connection = nil
    }

    /// Another lane takes the stream over, before its call is known here: nothing is counted or told.
    func leave() {
        if case .waiting(let patience) = state { patience?.cancel() }
        state = .refused
        connection = nil
    }

    private func receiveBeforeStart(_ message: RawSpan) {
        messagesBeforeStart += 1
        guard messagesBeforeStart <= Self.mostMessagesBeforeStart else {
            refuse(.withoutStart, .withoutStart, "no start message arrived")
            return
        }
        do {
            switch try codec.receive(message) {
            case .started(let start):
                begin(start, with: message)
            case .connected:
                break
            case .media, .dtmf, .mark, .stopped, .ignored:
                bridge.refused(.badMessage)
            }
        } catch {
            bridge.refused(.badMessage)
            // Waiting cannot help: the stream's format will not change.
            if error.code == .unsupportedFormat {
                refuse(.withoutCall, .unsupportedFormat, "its audio is not 8 kHz µ-law")
            }
        }
    }

    private func begin(_ start: TelephonyStreamStart, with message: RawSpan) {
        guard let connection else { return }
        let session: CallSession
        do throws(StreamRefusal) {
            switch try bridge.place(for: start, admission, on: connection.eventLoop) {
            case .here(let found): session = found
            case .elsewhere(let lane):
                // The call has gone to yet another lane since: only if its name was given to another call meanwhile.
                guard mayRelay else { throw .notWanted }
                return relay(to: lane, connection, message)
            }
        } catch {
            refuse(.withoutCall, MediaRefusal(error), error.rawValue)
            return
        }
        if case .waiting(let patience) = state { patience?.cancel() }
        let leg = connection.makeLeg()
        let media = session.media.value
        // The call's codec learns the stream's name first, because the session may write to the stream right away.
        media.telephonyReceived(message, at: bridge.clock.now)
        let line = session.assumeIsolated {
            $0.mediaOpened(leg, sink: leg, carrierCallID: start.carrierCallID)
        }
        guard let line else {
            refuse(.withoutCall, .notWanted, StreamRefusal.notWanted.rawValue)
            return
        }
        state = .attached(session, media, line: line)
    }

    private func relay(to lane: MediaLane, _ connection: any MediaConnection, _ message: RawSpan) {
        if case .waiting(let patience) = state { patience?.cancel() }
        guard let socket = connection as? WebSocketConnection else { return }
        let stream = MediaStream(
            bridge: bridge,
            lane: lane,
            admission: admission,
            socket: RelayedSocket(socket),
            mayRelay: false
        )
        state = .relaying(stream)
        stream.relay(message, isText: true)
    }

    private func refuse(_ reason: TelephonyRefusals.Reason, _ metric: MediaRefusal, _ words: String) {
        if case .waiting(let patience) = state { patience?.cancel() }
        state = .refused
        bridge.refused(reason)
        bridge.refused(metric)
        bridge.tell(refusal: words)
        connection?.beginClose(code: WebSocketCloseCode.policyViolation, reason: words)
    }
}
