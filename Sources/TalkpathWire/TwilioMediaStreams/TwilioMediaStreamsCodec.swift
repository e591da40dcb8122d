/// Twilio's Media Streams protocol, bidirectional: JSON in text frames, G.711 µ-law at 8 kHz in Base64.
///
/// The codec scans the bytes of `media` and `mark` messages, which come with every frame, and writes them from
/// templates; neither allocates. The full parser reads all other messages, and those that the scan does not recognise
/// exactly.
///
/// One codec belongs to one socket. It can write nothing before `start` has given the stream's ID.
///
/// Source: Twilio, "Media Streams - WebSocket Messages".
public struct TwilioMediaStreamsCodec: Sendable {
    /// The stream's ID, once the stream has started.
    public private(set) var streamID: String?
    /// The stream's ID in bytes, for messages that need no escapes.
    var streamIDBytes: [UInt8] = []
    /// The constant start of an outgoing message of each kind.
    private var mediaPrefix: [UInt8] = []
    private var markPrefix: [UInt8] = []
    private var clearMessage: [UInt8] = []

    public init() {}

    /// Reads one message of the carrier.
    ///
    /// - Parameter message: the whole payload of one text frame.
    /// - Returns: the message's event. An in-place payload is given as offsets into `message`; its Base64 is not
    ///   checked.
    /// - Throws: `WireError`; the codec's state is then unchanged and the next message may be read.
    public mutating func receive(_ message: RawSpan) throws(WireError) -> TelephonyEvent {
        let quick = message.withUnsafeBytes { scan($0) }
        if let quick { return quick }
        return try receive(parsing: message)
    }

    mutating func started(_ identifier: String) {
        streamID = identifier
        streamIDBytes = Array(identifier.utf8)
        let quoted = JSONValue.string(identifier).serializedText()
        mediaPrefix = Array(#"{"event":"media","streamSid":\#(quoted),"media":{"payload":""#.utf8)
        markPrefix = Array(#"{"event":"mark","streamSid":\#(quoted),"mark":{"name":"tp-"#.utf8)
        clearMessage = Array(#"{"event":"clear","streamSid":\#(quoted)}"#.utf8)
    }
}

// MARK: Writing

extension TwilioMediaStreamsCodec {
    /// Writes audio for the caller, of any length; the carrier queues it and plays it in order.
    ///
    /// - Parameter mulaw: bytes of G.711 µ-law at 8 kHz.
    /// - Returns: false, with nothing written, before the stream has started.
    @discardableResult
    public func writeMedia(_ mulaw: RawSpan, to outbox: inout MessageOutbox) -> Bool {
        guard streamID != nil else { return false }
        outbox.beginMessage()
        outbox.append(ascii: mediaPrefix.span.bytes)
        outbox.append(base64: mulaw)
        outbox.append(#""}}"#)
        outbox.endMessage()
        return true
    }

    /// Writes a mark. The carrier returns it once all audio written before it has been played or cleared.
    ///
    /// - Returns: false, with nothing written, before the stream has started.
    @discardableResult
    public func writeMark(_ mark: PlaybackMark, to outbox: inout MessageOutbox) -> Bool {
        guard streamID != nil else { return false }
        outbox.beginMessage()
        outbox.append(ascii: markPrefix.span.bytes)
        outbox.append(decimal: Int(mark.epoch))
        outbox.append("-")
        outbox.append(decimal: Int(mark.number))
        outbox.append(#""}}"#)
        outbox.endMessage()
        return true
    }

    /// Writes a `clear`, which empties the carrier's queue. The carrier returns every outstanding mark at once.
    ///
    /// - Returns: false, with nothing written, before the stream has started.
    @discardableResult
    public func writeClear(to outbox: inout MessageOutbox) -> Bool {
        guard streamID != nil else { return false }
        outbox.beginMessage()
        outbox.append(ascii: clearMessage.span.bytes)
        outbox.endMessage()
        return true
    }
}

// MARK: Marks

extension PlaybackMark {
    /// The mark's name on the wire: `tp-<epoch>-<number>`.
    var twilioName: String { "tp-\(epoch)-\(number)" }

    /// Parses a name; `nil` if it is not one of ours, in our exact spelling.
    init?(twilioName bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count >= 6, bytes[0] == UInt8(ascii: "t"), bytes[1] == UInt8(ascii: "p"),
            bytes[2] == UInt8(ascii: "-"), let dash = bytes[3...].firstIndex(of: UInt8(ascii: "-")),
            let epoch = Self.number(bytes[3..<dash]), let number = Self.number(bytes[(dash + 1)...])
        else { return nil }
        self.init(epoch: epoch, number: number)
    }

    private static func number(_ digits: Slice<UnsafeBufferPointer<UInt8>>) -> UInt32? {
        guard let first = digits.first, digits.count <= 10 else { return nil }
        guard first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
        var value: UInt64 = 0
        for byte in digits {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + UInt64(digit)
        }
        return UInt32(exactly: value)
    }
}
