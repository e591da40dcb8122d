public import TalkpathAudio

/// An event from a telephony carrier's media socket, in terms that all carriers share.
///
/// A carrier's codec produces it, and the session consumes it. `media` is the per-frame case: it holds no reference and
/// costs no allocation.
public enum TelephonyEvent: Equatable, Sendable {
    /// The carrier's first message, before the stream is known.
    case connected
    /// The stream begins: its IDs, its format, and the parameters of our call instructions.
    case started(TelephonyStreamStart)
    /// Audio of the caller.
    case media(TelephonyMedia)
    /// The caller pressed a key: `0`–`9`, `*` or `#`.
    case dtmf(digit: UInt8)
    /// All audio queued before this mark has been played or cleared.
    ///
    /// `nil` for a mark that is not ours.
    case mark(PlaybackMark?)
    /// The carrier reports the end of the stream.
    case stopped
    /// A message of an unknown kind, or one that does not concern this stream. Counted, but otherwise without effect.
    case ignored
}

/// The beginning of a media stream.
public struct TelephonyStreamStart: Equatable, Sendable {
    public var streamID: String
    /// The carrier's ID of the call.
    public var carrierCallID: String
    public var accountID: String
    /// The parameters that our call instructions attached.
    public var parameters: [String: String]
    public var format: AudioFormat

    public init(
        streamID: String,
        carrierCallID: String,
        accountID: String,
        parameters: [String: String],
        format: AudioFormat
    ) {
        self.streamID = streamID
        self.carrierCallID = carrierCallID
        self.accountID = accountID
        self.parameters = parameters
        self.format = format
    }
}

/// One message of caller audio.
public struct TelephonyMedia: Equatable, Sendable {
    /// The number of this message among all messages of the stream; 0 if the carrier gave no readable one.
    public var sequence: UInt32
    /// The time of the first sample in milliseconds since the stream began; `nil` if the carrier gave no readable one.
    public var timestamp: UInt64?
    public var payload: WirePayload

    public init(sequence: UInt32, timestamp: UInt64?, payload: WirePayload) {
        self.sequence = sequence
        self.timestamp = timestamp
        self.payload = payload
    }
}

/// The place of a message's audio, which is Base64 text unless it came in a binary message.
public enum WirePayload: Equatable, Sendable {
    /// Offsets into the message just received; the text is there unescaped.
    case inPlace(Range<Int>)
    /// A copy of the text with its JSON escapes resolved: legal, and rare.
    case unescaped([UInt8])
    /// Offsets into the message just received, which hold the audio itself.
    case raw(Range<Int>)
}

/// The session's name of a mark; the codec converts it to text and back.
public struct PlaybackMark: Hashable, Sendable {
    /// The number of interruptions so far: marks of an older epoch were cleared, not played.
    public var epoch: UInt32
    /// Unique in a call.
    public var number: UInt32

    public init(epoch: UInt32, number: UInt32) {
        self.epoch = epoch
        self.number = number
    }
}

/// The reason why a message of the carrier or of the model could not be understood. The message is dropped and counted;
/// the socket stays open.
public struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Not JSON, or not in UTF-8.
        case malformedJSON
        /// JSON, but a field is missing or of the wrong type.
        case malformedMessage
        /// Text that is not valid Base64.
        case malformedBase64
        /// The message names another stream than the one that started.
        case wrongStream
        /// Talkpath does not support the stream's format.
        case unsupportedFormat
    }

    public var code: Code
    /// The field or kind of message that is wrong; never the caller's data.
    public var detail: String

    public init(_ code: Code, _ detail: String = "") {
        self.code = code
        self.detail = detail
    }

    public var description: String {
        detail.isEmpty ? code.rawValue : "\(code.rawValue): \(detail)"
    }
}
