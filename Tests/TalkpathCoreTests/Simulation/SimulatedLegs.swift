import TalkpathAudio
import TalkpathWire

@testable import TalkpathCore

/// One socket, of either leg: takes messages, and closes in its own time.
class SimulatedSocket: LegSink, LegConnection, @unchecked Sendable {
    // Unchecked: all of it happens on the scheduler's one thread.
    let world: SimulatedWorld
    let name: String
    let session: CallSession
    private(set) var isOpen = true

    var scheduler: SimulationScheduler { world.scheduler }

    init(_ world: SimulatedWorld, _ name: String, _ session: CallSession) {
        self.world = world
        self.name = name
        self.session = session
        world.begin(name)
    }

    func drain(_ outbox: inout MessageOutbox) {
        outbox.drain { message in
            let text = message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            if isOpen { received(text) }
        }
    }

    func received(_ text: String) {}

    func hasClosed() {}

    /// The far end, or the network, closes it. On the lane.
    func vanish() {
        guard isOpen else { return }
        isOpen = false
        world.finish(name)
        hasClosed()
        world.watchEnd()
    }

    func close() async {
        guard isOpen else { return }
        await scheduler.pause(scheduler.milliseconds(0...(scheduler.chance(10) ? 6000 : 10)))
        _ = await scheduler.onLane { self.vanish() }
    }

    func feed(_ text: String, _ body: (CallMedia, RawSpan) -> Void) {
        let bytes = Array(text.utf8)
        body(session.media.value, bytes.span.bytes)
        session.assumeIsolated { $0.noteHappenings(at: scheduler.now) }
        session.media.value.pump()
        world.watchEnd()
    }
}

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
            if session.assumeIsolated({ !$0.machine.isLive }) { world.violation("audio to the caller after the end") }
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

/// The socket to the model; it speaks OpenAI's language.
final class SimulatedAgentSocket: SimulatedSocket, @unchecked Sendable {
    let number: Int
    private var spoken = 0

    init(_ world: SimulatedWorld, _ session: CallSession, number: Int) {
        self.number = number
        super.init(world, "agent socket \(number)", session)
    }

    override func received(_ text: String) {
        if text.contains(#""input_audio_buffer.append""#), session.assumeIsolated({ !$0.machine.isLive }) {
            world.violation("audio to the agent after the end")
        }
        guard text.contains(#""session.update""#), scheduler.chance(92) else { return }
        later(0...200) { $0.say(#"{"type":"session.updated","session":{}}"#) }
        later(200...1500) { $0.speak() }
    }

    func greet() { later(0...50) { $0.say(#"{"type":"session.created","session":{}}"#) } }

    private func later(_ range: ClosedRange<Int>, _ body: @escaping (SimulatedAgentSocket) -> Void) {
        scheduler.after(scheduler.milliseconds(range)) { [self] in
            if isOpen { body(self) }
        }
    }

    func say(_ text: String) {
        guard isOpen else { return }
        feed(text) { $0.agentReceived($1, at: scheduler.now) }
    }

    /// A second of speech, faster than it plays.
    private func speak() {
        spoken += 1
        let item = "item_\(number)_\(spoken)"
        let audio = String(repeating: "AAAA", count: 4000)
        say(#"{"type":"response.created","response":{}}"#)
        say(
            #"{"type":"response.output_audio.delta","response_id":"r","item_id":"\#(item)","output_index":0,"content_index":0,"delta":"\#(audio)"}"#
        )
        if scheduler.chance(30) {
            say(#"{"type":"input_audio_buffer.speech_started","audio_start_ms":1,"item_id":"c"}"#)
        }
        if scheduler.chance(50) { say(#"{"type":"response.output_audio.done","item_id":"\#(item)"}"#) }
        if scheduler.chance(20) { useTool("look_up") }
        if spoken < 4 { later(300...1500) { $0.speak() } }
    }

    func useTool(_ name: String) {
        say(
            #"{"type":"response.function_call_arguments.done","call_id":"f","name":"\#(name)","arguments":"{}"}"#
        )
    }

    override func hasClosed() {
        scheduler.after(.zero) { [session, number, world] in
            session.assumeIsolated { $0.agentClosed(socket: number, reason: "gone") }
            world.watchEnd()
        }
    }
}

/// Opens sockets to the model, or does not.
final class SimulatedConnector: AgentConnector, @unchecked Sendable {
    // Unchecked: all of it happens on the scheduler's one thread.
    private let world: SimulatedWorld
    private(set) var sockets: [SimulatedAgentSocket] = []

    init(_ world: SimulatedWorld) {
        self.world = world
    }

    func connect(
        _ target: WebSocketTarget,
        socket number: Int,
        timeout: Duration,
        session: CallSession
    ) async throws(AgentConnectError) -> any LegConnection {
        let scheduler = world.scheduler
        world.begin("connecting \(number)")
        defer { world.finish("connecting \(number)") }
        world.opening("connecting")
        let delay = scheduler.milliseconds(0...(scheduler.chance(20) ? 9000 : 200))
        guard await scheduler.sleep(min(delay, timeout)) else { throw AgentConnectError("cancelled") }
        if delay > timeout || scheduler.chance(10) { throw AgentConnectError("refused", isFinal: scheduler.chance(20)) }
        let socket = await scheduler.onLane { [world] in
            let socket = SimulatedAgentSocket(world, session, number: number)
            if session.assumeIsolated({ $0.agentSocketOpened(socket, socket: number) }) { socket.greet() }
            return socket
        }
        sockets.append(socket)
        if scheduler.chance(10) { scheduler.after(scheduler.milliseconds(0...4000)) { socket.vanish() } }
        return socket
    }
}
