public import TalkpathAudio

/// OpenAI's GPT-Live protocol, full duplex, over a WebSocket: JSON in text frames.
///
/// The model speaks on one continuous track at the speed of real time, silence included, and has no items, responses or
/// notices of interruption. The codec therefore gives all audio one item, and all words of a side one item; the media
/// plane divides the track into utterances. The model's clock advances only while it is sent audio.
///
/// The codec scans the bytes of audio deltas and writes audio from a template. Neither allocates in steady state.
///
/// Source: OpenAI, "Live API reference", and the types of its Python package (`openai.types.live`).
public struct OpenAILiveCodec: Sendable {
    /// Talkpath sends the first message.
    public static let awaitsGreeting = false
    /// The item of all audio and words.
    static let track = AgentItem(index: 0)

    /// The format of both directions: as configured, and as confirmed by `session.started`.
    var format = AudioFormat.telephony
    var isReady = false
    var calls = OpenAILiveCalls()
    var conversation = OpenAILiveConversation()
    /// The function that carries out tasks for the model, if the agent does that itself.
    var delegate: String?

    public init() {}

    /// True if the provider accepts and sends audio of this format.
    public static func supports(_ format: AudioFormat) -> Bool {
        [.telephony, .alaw8k, .pcm16k, .pcm24k].contains(format)
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

    /// Writes the caller's audio, in the configured format.
    public func writeAudio(_ audio: RawSpan, to outbox: inout MessageOutbox) {
        outbox.beginMessage()
        outbox.append(#"{"type":"session.input_audio.append","audio":""#)
        outbox.append(base64: audio)
        outbox.append(#""}"#)
        outbox.endMessage()
    }

    /// The address and headers of the provider's socket. The model is no part of the address.
    ///
    /// - Parameter address: `nil` for OpenAI's own. An address without a path gets the service's path.
    public static func target(address: String? = nil, apiKey: String) -> WebSocketTarget {
        let service = address.map(RealtimeService.init) ?? .openai
        let path = service == .azure ? "/openai/v1/live/sessions" : "/v1/live/sessions"
        let url = RealtimeService.withPath(address ?? "wss://api.openai.com", path)
        let key = WebSocketTarget.trimmed(apiKey)
        let header =
            service == .azure ? (name: "api-key", value: key) : (name: "Authorization", value: "Bearer \(key)")
        return WebSocketTarget(url: url, headers: [header])
    }
}
