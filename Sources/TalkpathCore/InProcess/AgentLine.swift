package import TalkpathAudio
import TalkpathWire

/// The way from an in-process agent to the lane of its call.
package protocol AgentLine: Sendable {
    /// Delivers one message; returns when the lane has taken it, which waits while there is no room.
    ///
    /// - Throws: ``AgentCallIsOver``; ``AgentSpeechInterrupted`` for audio of a response that is not the open one;
    ///   `CancellationError` for audio, if the task is cancelled while it waits for room.
    func send(_ message: AgentLineMessage) async throws
}

/// A message of an in-process agent, as a socket agent would send it.
package enum AgentLineMessage: Sendable {
    /// The text message that begins a response.
    case begin(response: Int, [UInt8])
    /// The text message that ends a response; `nil` means whichever is open.
    case end(response: Int?, [UInt8])
    /// Another text message.
    case text([UInt8])
    /// Samples of a response.
    case audio([Int16], response: Int)
}

extension AgentLineMessage {
    static func json(_ json: JSONValue) -> AgentLineMessage { .text(json.serialized()) }

    /// The agent's first message: its formats.
    package static func ready(input: AudioFormat, output: AudioFormat) -> AgentLineMessage {
        func words(_ format: AudioFormat) -> JSONValue {
            ["encoding": .string(format.encoding.rawValue), "sample_rate": JSONValue(format.sampleRate)]
        }
        return json([
            "type": "ready", "caller_turns": true, "input_format": words(input), "output_format": words(output),
        ])
    }
}
