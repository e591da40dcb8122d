public import TalkpathAudio

/// Google's Gemini Live protocol (BidiGenerateContent) over a WebSocket: JSON, in text or in binary frames.
///
/// The codec scans the bytes of a message that holds one part of audio and nothing else, and writes audio from a
/// template. Neither allocates in steady state.
///
/// The provider does not name its utterances, so the codec numbers them: one item for each turn of the model. Audio
/// that arrives late, between `interrupted` and the end of that turn, still belongs to the interrupted item.
///
/// Source: Google, "Live API - WebSockets API reference".
public struct GeminiLiveCodec: Sendable {
    /// The client sends the first message: the configuration, as soon as the socket is open.
    public static let awaitsGreeting = false

    var turns = GeminiTurns()
    var isReady = false
    /// The capabilities of the configured model.
    var traits = AgentModelTraits()
    /// The model's reactions to results, for those functions that state one.
    var schedulings: [String: AgentTool.Scheduling] = [:]
    /// True if the configuration announced the earlier conversation, which has not been sent.
    var takesHistory = false
    /// The start of an outgoing audio message, up to the Base64 text.
    private var audioPrefix: [UInt8] = []

    public init() {
        setInputRate(16000)
    }

    /// True if the provider accepts audio of this format. It chooses the format of its own audio and states it.
    public static func supports(_ format: AudioFormat) -> Bool {
        format.encoding == .pcm16 && GeminiMIMEType.supportedRates.contains(format.sampleRate)
    }

    /// Reads one message of the provider.
    ///
    /// - Parameters:
    ///   - message: the whole payload of one frame, text or binary.
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

    /// Tells the codec that enough time has passed since an interruption for further audio to begin another turn. It is
    /// needed because the provider does not always report that the interrupted turn is complete, and sometimes
    /// interrupts a turn that was complete already.
    public mutating func interruptionIsOver() { turns.interruptionIsOver() }

    /// Always `nil`: the provider does not name items.
    public func providerName(of item: AgentItem) -> String? { nil }

    /// Writes the caller's audio, in the configured input format.
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

    /// The address and headers of the provider's socket. The key goes into a header, because URLs end up in logs.
    ///
    /// - Parameters:
    ///   - baseURL: the origin alone, or the full path of the method, which is then used unchanged.
    ///   - model: unused, because the configuration names the model; a parameter for symmetry with other providers.
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

    /// True if anything follows the host.
    private static func hasPath(_ url: Substring) -> Bool {
        // An origin alone gives the pieces "scheme:", "" and "host".
        let pieces = url.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return pieces.count > (url.utf8.contains(UInt8(ascii: ":")) && pieces.count >= 3 ? 3 : 1)
    }
}
