public import TalkpathAudio

/// Talkpath's own protocol for agents, over a WebSocket: audio in binary messages, everything else as JSON in text
/// messages. `docs/agent-socket.md` describes it.
///
/// Talkpath opens the socket and sends `start`; the agent answers `ready`. Audio of the agent belongs to the response
/// that it has begun last. Neither direction of audio allocates.
public struct AgentSocketCodec: Sendable {
    /// The version of the protocol, as `start` states it.
    public static let version = 1
    /// Talkpath sends the first message.
    public static let awaitsGreeting = false

    var responses = AgentSocketResponses()
    var isReady = false
    /// The caller's audio, until the agent asks for another format.
    var inputFormat = AudioFormat.pcm16k
    /// The agent's audio.
    var outputFormat = AudioFormat.pcm16k
    /// True if the agent wants to be told when the caller begins and stops speaking.
    var wantsCallerTurns = false
    /// The number of messages that the agent was told were wrong. An agent that goes on is told no more.
    var faultsTold = 0

    static let mostFaultsTold = 16

    public init() {}

    /// The formats that an agent may choose.
    public static let formats: [AudioFormat] = [.telephony, .pcm8k, .pcm16k, .pcm24k]

    /// True if an agent may choose this format, for either direction.
    public static func supports(_ format: AudioFormat) -> Bool { formats.contains(format) }

    /// Reads one message of the agent.
    ///
    /// - Parameters:
    ///   - isText: false for audio.
    ///   - events: the message's events are appended here. Audio is given as offsets into `message`.
    /// - Throws: `WireError`, with nothing appended; the next message may be read.
    public mutating func receive(
        _ message: RawSpan,
        isText: Bool,
        into events: inout [AgentEvent]
    ) throws(WireError) {
        guard !isText else { return try receive(parsing: message, into: &events) }
        guard isReady else { throw WireError(.malformedMessage, "audio before ready") }
        guard let item = responses.open else { throw WireError(.malformedMessage, "audio outside of a response") }
        let count = message.byteCount
        guard count > 0, count % outputFormat.bytesPerSample == 0 else {
            throw WireError(.malformedMessage, "audio that is not a whole number of samples")
        }
        events.append(.audio(AgentAudio(item: item, format: outputFormat, payload: .raw(0..<count))))
    }

    /// The agent's name of a response; `nil` if the response was never seen, or dropped because hundreds have come since.
    public func providerName(of item: AgentItem) -> String? { responses.name(of: item) }

    /// Writes the caller's audio, in the format that the agent wants.
    public func writeAudio(_ audio: RawSpan, to outbox: inout MessageOutbox) {
        outbox.beginMessage()
        outbox.append(ascii: audio)
        outbox.endMessage(isBinary: true)
    }

    /// The address of the agent's socket and the header that authorises the request.
    ///
    /// - Parameter header: the header that carries the secret as it is; without one, `Authorization` carries it as a
    ///   bearer's token. Without a secret there is no header.
    public static func target(url: String, secret: String, header: String? = nil) -> WebSocketTarget {
        let secret = WebSocketTarget.trimmed(secret)
        guard !secret.isEmpty else { return WebSocketTarget(url: url) }
        if let header { return WebSocketTarget(url: url, headers: [(name: header, value: secret)]) }
        return WebSocketTarget(url: url, headers: [(name: "Authorization", value: "Bearer \(secret)")])
    }
}

extension AudioFormat {
    /// The format in the words of the protocol.
    var agentSocketJSON: JSONValue {
        ["encoding": .string(encoding == .mulaw ? "mulaw" : "pcm16"), "sample_rate": JSONValue(sampleRate)]
    }

    /// - Returns: `nil` for a format that the protocol does not have.
    init?(agentSocket json: JSONValue) {
        guard let rate = json["sample_rate"]?.int, let name = json["encoding"]?.string,
            let encoding = Encoding(rawValue: name)
        else { return nil }
        self.init(encoding: encoding, sampleRate: rate)
        guard AgentSocketCodec.supports(self) else { return nil }
    }
}
