import TalkpathAudio

/// The carrier's side of Twilio's Media Streams, for carriers that speak another protocol: their lines are translated to
/// this one at the edge, so that captures, recordings and replays know one protocol only.
///
/// Numbers the messages from 1 on. One belongs to one line; its messages must reach the bridge in the order in which they
/// were made.
package struct MediaStreamsFarEnd: Sendable {
    private let streamID: JSONValue
    private let mediaPrefix: [UInt8]
    private var sequence = 0

    package init(streamID: String) {
        self.streamID = .string(streamID)
        mediaPrefix = Array(#"{"event":"media","streamSid":\#(self.streamID.serializedText()),"sequenceNumber":""#.utf8)
    }

    // MARK: Messages to the bridge

    package mutating func start(carrierCallID: String, parameters: [String: String]) -> [UInt8] {
        message(
            "start",
            [
                "streamSid": streamID, "callSid": .string(carrierCallID),
                "customParameters": .object(parameters.map { (key: $0.key, value: .string($0.value)) }),
                "mediaFormat": ["encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1],
            ]
        )
    }

    /// - Parameters:
    ///   - mulaw: G.711 µ-law at 8 kHz.
    ///   - milliseconds: the time of the first sample since the line began; `nil` if the carrier does not tell.
    package mutating func media(_ mulaw: RawSpan, at milliseconds: Int?) -> [UInt8] {
        sequence += 1
        var text = mediaPrefix
        text.reserveCapacity(mediaPrefix.count + 96 + Base64.encodedCount(ofBytes: mulaw.byteCount))
        text += "\(sequence)\",\"media\":{\"track\":\"inbound\",".utf8
        if let milliseconds { text += "\"timestamp\":\"\(milliseconds)\",".utf8 }
        text += "\"payload\":\"".utf8
        var payload = [UInt8](repeating: 0, count: Base64.encodedCount(ofBytes: mulaw.byteCount))
        var target = payload.mutableSpan
        _ = Base64.encode(mulaw, into: &target)
        text += payload
        text += "\"}}".utf8
        return text
    }

    package mutating func mark(_ name: String) -> [UInt8] { message("mark", ["name": .string(name)]) }

    package mutating func digit(_ key: Character) -> [UInt8] { message("dtmf", ["digit": .string(String(key))]) }

    package mutating func stop() -> [UInt8] { message("stop", [:]) }

    private mutating func message(_ event: String, _ content: JSONValue) -> [UInt8] {
        sequence += 1
        let message: JSONValue = [
            "event": .string(event), "sequenceNumber": .string("\(sequence)"), "streamSid": streamID, event: content,
        ]
        return message.serialized()
    }

    // MARK: Messages of the bridge

    /// A message that the bridge has sent.
    package enum Order: Equatable, Sendable {
        /// Offsets of the audio's Base64 in the message.
        case media(Range<Int>)
        /// Offsets of the mark's name in the message.
        case mark(Range<Int>)
        case clear
    }

    /// Reads a message that ``TwilioMediaStreamsCodec`` has written. Allocates nothing.
    package static func order(in message: RawSpan) -> Order? {
        message.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            return try? readOrder(with: &scanner)
        }
    }

    private static func readOrder(with scanner: inout JSONScanner) throws(JSONFault) -> Order? {
        var order: Order?
        try scanner.enterObject()
        while let key = try scanner.nextKey() {
            if scanner.equals(key.range, "event") {
                if let value = try scanner.plainString(), scanner.equals(value, "clear") { order = .clear }
            } else if scanner.equals(key.range, "media") {
                order = try readMember("payload", with: &scanner).map(Order.media)
            } else if scanner.equals(key.range, "mark") {
                order = try readMember("name", with: &scanner).map(Order.mark)
            } else {
                try scanner.skipValue()
            }
        }
        try scanner.finish()
        return order
    }

    private static func readMember(
        _ name: StaticString,
        with scanner: inout JSONScanner
    ) throws(JSONFault) -> Range<Int>? {
        guard try scanner.kind() == .object else { return nil }
        var found: Range<Int>?
        try scanner.enterObject()
        while let key = try scanner.nextKey() {
            if scanner.equals(key.range, name) {
                found = try scanner.plainString()
            } else {
                try scanner.skipValue()
            }
        }
        return found
    }
}
