@testable import TalkpathWire

extension MessageOutbox {
    mutating func drainTexts() -> [String] {
        var texts: [String] = []
        drain { message in
            texts.append(message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
        }
        return texts
    }

    mutating func drainJSON() throws -> [JSONValue] {
        try drainTexts().map { try JSONValue(parsing: $0) }
    }
}

extension TwilioMediaStreamsCodec {
    mutating func receive(_ text: String) throws -> TelephonyEvent {
        let bytes = Array(text.utf8)
        return try receive(bytes.span.bytes)
    }

    static func started(_ stream: String = "MZ01") throws -> TwilioMediaStreamsCodec {
        var codec = TwilioMediaStreamsCodec()
        _ = try codec.receive(TwilioMessages.start(stream))
        return codec
    }
}

enum TwilioMessages {
    static let connected = #"{"event":"connected","protocol":"Call","version":"1.0.0"}"#
    static let media =
        #"{"event":"media","sequenceNumber":"7","streamSid":"MZ01","media":{"track":"inbound","chunk":"6","timestamp":"105","payload":"//79"}}"#
    static let mark = #"{"event":"mark","sequenceNumber":"9","streamSid":"MZ01","mark":{"name":"tp-3-17"}}"#
    static let dtmf =
        ##"{"event":"dtmf","sequenceNumber":"8","streamSid":"MZ01","dtmf":{"track":"inbound_track","digit":"#"}}"##
    static let stop =
        #"{"event":"stop","sequenceNumber":"10","streamSid":"MZ01","stop":{"accountSid":"AC01","callSid":"CA01"}}"#

    static func start(_ stream: String = "MZ01") -> String {
        #"{"event":"start","sequenceNumber":"1","streamSid":"\#(stream)","start":{"streamSid":"\#(stream)","accountSid":"AC01","callSid":"CA01","tracks":["inbound"],"customParameters":{"call_id":"c-1"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
    }
}

extension AgentCodec {
    mutating func receive(_ text: String) throws -> [AgentEvent] {
        var events: [AgentEvent] = []
        let bytes = Array(text.utf8)
        try receive(bytes.span.bytes, into: &events)
        return events
    }
}

extension OpenAIRealtimeCodec {
    mutating func receive(_ text: String) throws -> [AgentEvent] {
        var events: [AgentEvent] = []
        let bytes = Array(text.utf8)
        try receive(bytes.span.bytes, into: &events)
        return events
    }

    mutating func written(_ command: AgentCommand) throws -> [JSONValue] {
        var outbox = MessageOutbox()
        write(command, to: &outbox)
        return try outbox.drainJSON()
    }
}

extension GeminiLiveCodec {
    mutating func receive(_ text: String) throws -> [AgentEvent] {
        var events: [AgentEvent] = []
        let bytes = Array(text.utf8)
        try receive(bytes.span.bytes, into: &events)
        return events
    }

    mutating func written(_ command: AgentCommand) throws -> [JSONValue] {
        var outbox = MessageOutbox()
        write(command, to: &outbox)
        return try outbox.drainJSON()
    }
}

extension WirePayload {
    /// The payload's Base64 text, in place or copied.
    func text(in message: [UInt8]) -> [UInt8] {
        switch self {
        case .inPlace(let range): Array(message[range])
        case .unescaped(let bytes): bytes
        case .raw(let range): Array(message[range])
        }
    }

    func text(in message: String) -> String {
        String(decoding: text(in: Array(message.utf8)), as: UTF8.self)
    }
}

extension AgentEvent {
    /// The event with its audio copied, so that the fast and the full path can be compared.
    func withAudioCopied(from message: [UInt8]) -> AgentEvent {
        guard case .audio(var audio) = self else { return self }
        audio.payload = .unescaped(audio.payload.text(in: message))
        return .audio(audio)
    }
}

extension TelephonyEvent {
    func withAudioCopied(from message: [UInt8]) -> TelephonyEvent {
        guard case .media(var media) = self else { return self }
        media.payload = .unescaped(media.payload.text(in: message))
        return .media(media)
    }
}
