public import TalkpathAudio

/// Google's Gemini Live protocol (BidiGenerateContent) over a WebSocket: JSON, in text or in binary frames alike.
///
/// A message that holds one part of audio and nothing else is read by scanning the bytes and audio is written from a
/// template; neither allocates in steady state.
///
/// The provider does not name its utterances, so the codec numbers them: one item a turn of the model. Audio that comes
/// late, between `interrupted` and the end of that turn, still belongs to the interrupted item.
///
/// Source: Google, "Live API - WebSockets API reference".
public struct GeminiLiveCodec: Sendable {
    /// The client speaks first: it is configured as soon as the socket is open.
    public static let awaitsGreeting = false

    var turns = GeminiTurns()
    var isReady = false
    /// What the configured model takes.
    var traits = AgentModelTraits()
    /// What was said before has been announced.
    var takesHistory = false
    /// The start of an outgoing audio message, up to the base64.
    private var audioPrefix: [UInt8] = []

    public init() {
        setInputRate(16000)
    }

    /// Whether the provider can take audio of this format. What it sends, it chooses itself and says so.
    public static func supports(_ format: AudioFormat) -> Bool {
        format.encoding == .pcm16 && GeminiMIMEType.supportedRates.contains(format.sampleRate)
    }

    /// Reads one message of the provider.
    ///
    /// - Parameters:
    ///   - message: the whole payload of one frame, text or binary.
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

    /// Nothing has come for so long since an interruption that audio which comes now begins another turn, though the
    /// provider has not said that the interrupted one is complete: it does not always do so, and now and then it
    /// interrupts what was complete already.
    public mutating func interruptionIsOver() { turns.interruptionIsOver() }

    /// Nil: the provider has no names for items.
    public func providerName(of item: AgentItem) -> String? { nil }

    /// Audio of the caller, in the configured input format.
    public func writeAudio(_ audio: RawSpan, to outbox: inout MessageOutbox) {
        outbox.beginMessage()
        outbox.append(ascii: audioPrefix.span.bytes)
        outbox.append(base64: audio)
        outbox.append(#""}}}"#)
        outbox.endMessage()
    }

    mutating func setInputRate(_ rate: Int) {
        audioPrefix = Array(#"{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=\#(rate)","data":""#.utf8)
    }

    /// Where the provider's socket is opened. The key travels in a header: what stands in a URL ends up in logs.
    ///
    /// - Parameters:
    ///   - baseURL: the origin alone, or the full path of the method, which is then taken as it is.
    ///   - model: named in the setup, not here; taken for likeness with other providers.
    public static func target(
        baseURL: String = "wss://generativelanguage.googleapis.com",
        model: String,
        apiKey: String,
        apiVersion: String = "v1"
    ) -> WebSocketTarget {
        let method = "/ws/google.ai.generativelanguage.\(apiVersion).GenerativeService.BidiGenerateContent"
        var origin = Substring(baseURL)
        while origin.utf8.last == UInt8(ascii: "/") { origin = origin.dropLast() }
        let url = hasPath(origin) ? baseURL : origin + method
        return WebSocketTarget(url: url, headers: [(name: "x-goog-api-key", value: WebSocketTarget.trimmed(apiKey))])
    }

    /// Whether anything follows the host.
    private static func hasPath(_ url: Substring) -> Bool {
        // "scheme:", "" and "host" where there is an origin alone.
        let pieces = url.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return pieces.count > (url.utf8.contains(UInt8(ascii: ":")) && pieces.count >= 3 ? 3 : 1)
    }
}
