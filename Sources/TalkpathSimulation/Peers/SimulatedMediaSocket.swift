import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The carrier's media socket.
final class SimulatedMediaSocket: SimulatedSocket, @unchecked Sendable {
    private var marks: [String] = []
    private var sequence = 1
    private var timestamp = 0

    static func attach(to session: CallSession, in world: SimulatedWorld) -> SimulatedMediaSocket? {
        let start =
            #"{"event":"start","sequenceNumber":"1","streamSid":"MZ01","start":{"streamSid":"MZ01","accountSid":"AC01","callSid":"CA01","tracks":["inbound"],"customParameters":{},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
        let socket = SimulatedMediaSocket(world, "media socket", session)
        let bytes = Array(start.utf8)
        session.media.value.telephonyReceived(bytes.span.bytes, at: world.scheduler.now)
        let isWanted = session.assumeIsolated {
            $0.mediaOpened(socket, sink: socket, carrierCallID: SimulatedCarrier.callID)
        }
        guard isWanted else {
            socket.isRefused = true
            socket.vanish()
            return nil
        }
        session.media.value.pump()
        return socket
    }

    private var isRefused = false

    override func received(_ text: String) {
        if text.hasPrefix(#"{"event":"media""#) {
            if session.assumeIsolated({ !$0.isLive }) { world.violation("audio to the caller after the end") }
        } else if text.hasPrefix(#"{"event":"mark""#) {
            marks.append(text)
            scheduler.after(scheduler.milliseconds(50...400)) { [self] in echo() }
        } else {
            while !marks.isEmpty { echo() }
        }
    }

    private func echo() {
        guard isOpen, !marks.isEmpty else { return }
        sequence += 1
        let echo = marks.removeFirst()
        scheduler.after(.zero) { [self] in
            if isOpen { feed(echo) { $0.telephonyReceived($1, at: scheduler.now) } }
        }
    }

    func speak() {
        guard isOpen else { return }
        sequence += 1
        timestamp += 20
        let frame =
            #"{"event":"media","sequenceNumber":"\#(sequence)","streamSid":"MZ01","media":{"track":"inbound","chunk":"1","timestamp":"\#(timestamp)","payload":"//79/w=="}}"#
        feed(frame) { $0.telephonyReceived($1, at: scheduler.now) }
    }

    /// The carrier's goodbye: `stop`, then the close; or one of them, or twice.
    func farewell() {
        for _ in 0..<(scheduler.chance(10) ? 2 : scheduler.chance(10) ? 0 : 1) {
            scheduler.after(scheduler.milliseconds(0...100)) { [self] in
                guard isOpen else { return }
                let stop =
                    #"{"event":"stop","sequenceNumber":"99999","streamSid":"MZ01","stop":{"accountSid":"AC01","callSid":"CA01"}}"#
                feed(stop) { $0.telephonyReceived($1, at: scheduler.now) }
            }
        }
        if scheduler.chance(85) { scheduler.after(scheduler.milliseconds(0...300)) { [self] in vanish() } }
    }

    override func hasClosed() {
        guard !isRefused else { return }
        scheduler.after(.zero) { [session, world] in
            session.assumeIsolated { $0.mediaClosed() }
            world.watchEnd()
        }
    }
}
