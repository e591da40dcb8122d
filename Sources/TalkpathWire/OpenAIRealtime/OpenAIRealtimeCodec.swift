public import TalkpathAudio

/// OpenAI's Realtime protocol, general-availability interface, over a WebSocket: JSON in text frames.
///
/// The codec scans the bytes of audio deltas and writes audio from a template. Neither allocates in steady state. It
/// does not support the beta interface and ignores its events.
///
/// The codec does not decide which audio the caller should hear: it numbers items and keeps their names. The session
/// discards late audio of a cancelled response, by item.
///
/// Source: OpenAI, "Realtime API reference".
public struct OpenAIRealtimeCodec: Sendable {
    /// The provider sends the first message, and is configured in reply.
    public static let awaitsGreeting = true

    var items = OpenAIItems()
    /// The format of the provider's audio: as configured, and as confirmed by `session.updated`.
    var outputFormat = AudioFormat.pcm24k
    var isReady = false
    /// The agent's instructions: the configured ones, or the provider's own if none are configured.
    var instructions = ""
    /// The response that is under way.
    var response = OpenAIResponse()
    /// Calls of MCP servers' tools that wait for our approval.
    var approvals: Set<String> = []

    public init() {}

    /// True if the provider accepts and sends audio of this format.
    public static func supports(_ format: AudioFormat) -> Bool {
        [.pcm24k, .telephony, .alaw8k].contains(format)
    }

    /// Reads one message of the provider.
    ///
    /// - Parameters:
    ///   - message: the whole payload of one frame.
    ///   - events: the message's events are appended here. In-place audio is given as offsets into `message`; its
    ///     Base64 is not checked.
    /// - Throws: `WireError`, with nothing appended; the next message may be read.
    public mutating func receive(_ message: RawSpan, into events: inout [AgentEvent]) throws(WireError) {
        let quick = message.withUnsafeBytes { scan($0) }
        if let quick {
            events.append(quick)
        } else {
            try receive(parsing: message, into: &events)
        }
    }

    /// The provider's name of an item; `nil` if the item was never seen, or dropped because hundreds have come since.
    public func providerName(of item: AgentItem) -> String? {
        items[item]?.name
    }

    /// Writes the caller's audio, in the configured input format.
    public func writeAudio(_ audio: RawSpan, to outbox: inout MessageOutbox) {
        outbox.beginMessage()
        outbox.append(#"{"type":"input_audio_buffer.append","audio":""#)
        outbox.append(base64: audio)
        outbox.append(#""}"#)
        outbox.endMessage()
    }

    /// The address and headers of the provider's socket.
    ///
    /// - Parameter baseURL: the URL; the model is added to its query.
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
