import TalkpathAudio
import TalkpathWire

/// The messages on their way to a call's two sockets, and the sockets that take them.
///
/// An object on the call's event loop, and no value: a socket that breaks during a write reports it from within, and
/// more is written meanwhile.
final class MediaOutlets {
    var toTelephony = MessageOutbox(capacity: 1024)
    // A 24 kHz frame takes 1.4 kB in a message to the agent; larger messages make the outbox grow.
    var toAgent = MessageOutbox(capacity: 2048)
    var telephonySink: (any LegSink)?
    var agentSink: (any LegSink)?

    /// The messages that are being handed to the sockets, so that more can be written meanwhile.
    private var leavingForTelephony = MessageOutbox(capacity: 1024)
    private var leavingForAgent = MessageOutbox(capacity: 2048)
    private var isPumping = false
    /// Lets others listen: they get copies of the telephony leg's messages. Without listeners a message costs one load.
    private var listeners = TapSet()

    /// Hands the waiting messages to the sockets. Called once per wake.
    ///
    /// A socket that breaks during a write reports it at once, from within. The other socket is then read, and this
    /// method is called again. The messages that come of that are handed over after the present ones.
    ///
    /// - Parameters:
    ///   - tap: records the messages.
    ///   - lastWake: the instant of the latest message of the caller.
    func pump(tap: CaptureTap?, lastWake: MonotonicInstant) {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        if let tap, !toTelephony.isEmpty || !toAgent.isEmpty { tap.pumping() }
        while hasMessages {
            if let telephonySink, !toTelephony.isEmpty {
                if let tap { toTelephony.peek { tap.telephonySent($0) } }
                tellListeners(lastWake: lastWake)
                swap(&toTelephony, &leavingForTelephony)
                telephonySink.drain(&leavingForTelephony)
            }
            if let agentSink, !toAgent.isEmpty {
                if let tap { toAgent.peekMessages { tap.agentSent($0, isAudio: $1) } }
                swap(&toAgent, &leavingForAgent)
                agentSink.drain(&leavingForAgent)
            }
        }
    }

    /// True if messages wait for a socket that is open.
    private var hasMessages: Bool {
        (telephonySink != nil && !toTelephony.isEmpty) || (agentSink != nil && !toAgent.isEmpty)
    }

    // MARK: Listeners

    /// Attaches listeners, from any thread.
    var listening: TapPoint { listeners.point }

    /// Copies a message of the caller's.
    func tellListeners(of message: RawSpan, at now: MonotonicInstant) {
        listeners.writer.write(.fromTelephony, at: now, message)
    }

    private func tellListeners(lastWake: MonotonicInstant) {
        guard listeners.writer.wants(.toTelephony) else { return }
        toTelephony.peek { listeners.writer.write(.toTelephony, at: lastWake, $0) }
    }
}
