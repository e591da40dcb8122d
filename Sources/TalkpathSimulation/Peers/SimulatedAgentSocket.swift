import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The socket to the model; it speaks OpenAI's language.
final class SimulatedAgentSocket: SimulatedSocket, @unchecked Sendable {
    let number: Int
    private var spoken = 0

    init(_ world: SimulatedWorld, _ session: CallSession, number: Int) {
        self.number = number
        super.init(world, "agent socket \(number)", session)
    }

    override func received(_ text: String) {
        if text.contains(#""input_audio_buffer.append""#), session.assumeIsolated({ !$0.isLive }) {
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
