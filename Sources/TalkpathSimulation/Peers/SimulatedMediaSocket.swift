import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The carrier's media socket, with the caller at its far end.
final class SimulatedMediaSocket: SimulatedSocket, @unchecked Sendable {
    private(set) var listener = CallerListener()
    /// A carrier's name for each stream of a call is another.
    private var streamID = ""
    private var marks: [String] = []
    private var sequence = 1
    private var timestamp = 0
    private var isRefused = false
    /// The carrier follows other instructions than to play this stream.
    private(set) var isLeft = false
    private var lastItem = 0
    private var payloadStart = 0
    /// Its number in the call.
    private var line = 0

    /// - Parameter token: the token that the socket presents; the manager's, or a wrong one.
    static func attach(_ token: String, of manager: CallLane, in world: SimulatedWorld) -> SimulatedMediaSocket? {
        let spent = manager.assumeIsolated { try? $0.spendStreamToken(token, carrierCallID: SimulatedCarrier.callID) }
        guard let session = spent else { return nil }
        world.streams += 1
        let streamID = "MZ0\(world.streams)"
        let start =
            #"{"event":"start","sequenceNumber":"1","streamSid":"\#(streamID)","start":{"streamSid":"\#(streamID)","accountSid":"AC01","callSid":"CA01","tracks":["inbound"],"customParameters":{},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
        let socket = SimulatedMediaSocket(world, "media socket", session)
        let former = world.media
        world.media = socket
        let line = session.assumeIsolated {
            $0.mediaOpened(socket, sink: socket, carrierCallID: SimulatedCarrier.callID)
        }
        guard let line else {
            world.media = former
            socket.isRefused = true
            socket.vanish()
            return nil
        }
        socket.line = line
        socket.streamID = streamID
        socket.feed(start) { $0.telephonyReceived($1, at: world.scheduler.now) }
        return socket
    }

    /// The most bytes that may wait at the caller's end: 200 ms, a frame and a little.
    private static let mostAhead = 240 * 8

    /// The line that a transfer has left often closes so slowly that it is still open when the call ends.
    override func closesSlowly() -> Bool {
        if super.closesSlowly() { return true }
        return isLeftByTransfer && scheduler.chance(world.theme == .lastWords ? 95 : 40)
    }

    /// Long enough for the caller to come back on another line, and to hang up there.
    override func slowestClose() -> Int { isLeftByTransfer ? 60_000 : super.slowestClose() }

    private var isLeftByTransfer: Bool { world.carrier.hasFollowedInstructions && world.endBegan == nil }

    /// The carrier follows other instructions, and drops what its stream holds.
    func leave() { isLeft = true }

    // MARK: Messages received

    override func received(_ text: String) {
        if text.hasPrefix(#"{"event":"media""#) {
            if session.assumeIsolated({ !$0.isLive }) { world.violation("audio to the caller after the end") }
            hear(text)
        } else if text.hasPrefix(#"{"event":"mark""#) {
            take(mark: text)
        } else if text.hasPrefix(#"{"event":"clear""#) {
            listener.clear(at: scheduler.now)
            // The carrier returns the marks of cleared audio at once, as if it had been played.
            while !marks.isEmpty { echo(marks.removeFirst()) }
        } else {
            world.violation("the caller's line was sent \(text.prefix(40))")
        }
    }

    private func hear(_ text: String) {
        // The payload is the last field, and all frames begin with the same bytes.
        let message = Array(text.utf8)
        if payloadStart == 0 {
            payloadStart = message.dropLast(4).lastIndex(of: UInt8(ascii: "\"")).map { $0 + 1 } ?? 0
        }
        let base64 = Array(message[payloadStart..<(message.count - 3)])
        var audio = [UInt8](repeating: 0, count: base64.count)
        var target = audio.mutableSpan
        guard let count = try? Base64.decode(base64.span.bytes, into: &target) else {
            world.violation("a frame that is no audio")
            return
        }
        let item = SpokenLevels.item(in: Array(audio[..<count]))
        listener.take(count, of: item, at: scheduler.now)
        if listener.waitingBytes > Self.mostAhead {
            world.violation("\(listener.waitingBytes / 8) ms wait at the caller's end")
        }
        guard let item else { return }
        if item < lastItem { world.violation("item \(item) was heard after item \(lastItem)") }
        if world.interrupted.contains(item) { world.violation("item \(item) goes on after it was interrupted") }
        lastItem = max(lastItem, item)
    }

    private func take(mark: String) {
        guard !scheduler.chance(world.isPunctual ? 0 : 5) else { return }
        marks.append(mark)
        let delay = world.isPunctual ? listener.playedOut(after: scheduler.now) : scheduler.milliseconds(50...400)
        scheduler.after(delay) { [self] in
            guard let position = marks.firstIndex(of: mark) else { return }
            echo(marks.remove(at: position))
        }
    }

    private func echo(_ mark: String) {
        sequence += 1
        scheduler.after(.zero) { [self] in
            if isOpen { feed(mark) { $0.telephonyReceived($1, at: scheduler.now) } }
        }
    }

    /// The milliseconds of agent speech that were sent and that the caller has not heard.
    func waitingSpeech() -> Int {
        listener.play(until: scheduler.now)
        return listener.waitingSpeech
    }

    func heardMilliseconds(of item: Int) -> Int { listener.heardMilliseconds(of: item) }

    // MARK: Messages sent

    /// Sends a frame of the caller's voice, or of silence.
    func speak() {
        guard isOpen else { return }
        sequence += 1
        timestamp += 20
        let payload = scheduler.chance(50) ? Self.voice : Self.silence
        let frame =
            #"{"event":"media","sequenceNumber":"\#(sequence)","streamSid":"\#(streamID)","media":{"track":"inbound","chunk":"1","timestamp":"\#(timestamp)","payload":"\#(payload)"}}"#
        let isHeard = session.assumeIsolated { $0.isLive && $0.state.media == .started }
        let before = session.media.value.uplink.counters.frames
        feed(frame) { $0.telephonyReceived($1, at: scheduler.now) }
        // Also the caller who has come back from a transfer that failed.
        if isHeard, isPresent, session.media.value.uplink.counters.frames == before {
            world.violation("the caller on line \(line) is not heard")
        }
    }

    /// No newer socket of the caller's has taken its place.
    private var isPresent: Bool { world.media === self }

    func press(_ digit: String) {
        guard isOpen else { return }
        let message =
            #"{"event":"dtmf","sequenceNumber":"\#(sequence)","streamSid":"\#(streamID)","dtmf":{"track":"inbound_track","digit":"\#(digit)"}}"#
        feed(message) { $0.telephonyReceived($1, at: scheduler.now) }
    }

    private static let silence = String(repeating: "/", count: 160)
    private static let voice = String(repeating: "gAAA", count: 40)

    /// The carrier's last messages: `stop` and then the close; or only one of them, or `stop` twice.
    func goodbye() {
        if world.theme == .slowClosing, scheduler.chance(40) { return }
        for _ in 0..<(scheduler.chance(10) ? 2 : scheduler.chance(10) ? 0 : 1) {
            scheduler.after(scheduler.milliseconds(0...100)) { [self] in
                guard isOpen else { return }
                let stop =
                    #"{"event":"stop","sequenceNumber":"99999","streamSid":"\#(streamID)","stop":{"accountSid":"AC01","callSid":"CA01"}}"#
                feed(stop) { $0.telephonyReceived($1, at: scheduler.now) }
            }
        }
        let latest = world.theme.isAboutTransfers ? scheduler.pick([300, 3000, 30_000]) : 300
        let staysOpen = world.theme == .slowClosing ? 50 : world.theme == .lastWords && isLeftByTransfer ? 70 : 15
        if !scheduler.chance(staysOpen) {
            scheduler.after(scheduler.milliseconds(0...latest)) { [self] in vanish() }
        }
    }

    override func hasClosed() {
        guard !isRefused else { return }
        scheduler.after(.zero) { [session, world, line] in
            session.assumeIsolated { $0.mediaClosed(line: line) }
            world.watchEnd()
        }
    }
}
