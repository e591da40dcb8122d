public import TalkpathAudio

/// OpenAI's Realtime protocol, general-availability interface, over a WebSocket: JSON in text frames.
///
/// Audio deltas are read by scanning the bytes and audio is written from a template; neither allocates in steady state.
/// The interface of the beta is not spoken: its events are ignored.
///
/// The codec is stateless about what should be heard: it numbers items and remembers what the provider calls them. Late
/// audio of a cancelled response is the session's to discard, by item.
///
/// Source: OpenAI, "Realtime API reference".
public struct OpenAIRealtimeCodec: Sendable {
    /// The provider speaks first, and is configured then.
    public static let awaitsGreeting = true

    var items = OpenAIItems()
    /// What the provider sends; configured, and confirmed by `session.updated`.
    var outputFormat = AudioFormat.pcm24k
    var isReady = false
    /// The agent's own: as configured, else as the provider has them.
    var instructions = ""
    /// Names of functions being called, where the final message lacks them; by call.
    var functionNames: [String: String] = [:]

    public init() {}

    /// Whether the provider can take and send audio of this format.
    public static func supports(_ format: AudioFormat) -> Bool {
        [.pcm24k, .telephony, .alaw8k].contains(format)
    }

    /// Reads one message of the provider.
    ///
    /// - Parameters:
    ///   - message: the whole payload of one frame.
    ///   - events: what it says is appended here. Offsets of audio in place refer to `message`; its base64 has not been
    ///     looked at.
    /// - Throws: `WireError`, with nothing appended; the next message may be read.
    public mutating func receive(_ message: RawSpan, into events: inout [AgentEvent]) throws(WireError) {
        let quick = message.withUnsafeBytes { scan($0) }
        if let quick {
            events.append(quick)
        } else {
            try receive(parsing: message, into: &events)
        }
    }

    /// What the provider calls an item; nil for one never seen, or forgotten because hundreds have come since.
    public func providerName(of item: AgentItem) -> String? {
        items[item]?.name
    }

    /// Audio of the caller, in the configured input format.
    public func writeAudio(_ audio: RawSpan, to outbox: inout MessageOutbox) {
        outbox.beginMessage()
        outbox.append(#"{"type":"input_audio_buffer.append","audio":""#)
        outbox.append(base64: audio)
        outbox.append(#""}"#)
        outbox.endMessage()
    }

    /// Where the provider's socket is opened.
    ///
    /// - Parameter baseURL: up to and without the query.
    public static func target(
        baseURL: String = "wss://api.openai.com/v1/realtime",
        model: String,
        apiKey: String
    ) -> WebSocketTarget {
        let separator = baseURL.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
        return WebSocketTarget(
            url: "\(baseURL)\(separator)model=\(WebSocketTarget.queryEncoded(model))",
            headers: [(name: "Authorization", value: "Bearer \(WebSocketTarget.trimmed(apiKey))")]
        )
    }
}
