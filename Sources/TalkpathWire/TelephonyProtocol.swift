public import TalkpathAudio

/// What a telephony carrier's media socket said, freed of the carrier's own words.
///
/// Produced by a carrier's codec, consumed by the session. `media` is the per-frame case: it holds no
/// reference and costs no allocation.
public enum TelephonyEvent: Equatable, Sendable {
    /// The carrier's greeting, before the stream is known.
    case connected
    /// The stream begins: who it is, what it carries, and what our TwiML gave it along.
    case started(TelephonyStreamStart)
    /// Audio of the caller.
    case media(TelephonyMedia)
    /// The caller pressed a key: `0`–`9`, `*` or `#`.
    case dtmf(digit: UInt8)
    /// Everything queued before the mark of this number has been played or cleared.
    ///
    /// `nil` for a mark that was not ours.
    case mark(PlaybackMark?)
    /// The carrier says the stream is over.
    case stopped
    /// A message of a kind we do not know, or one that does not concern this stream; counted, otherwise without effect.
    case ignored
}

/// The beginning of a media stream.
public struct TelephonyStreamStart: Equatable, Sendable {
    public var streamID: String
    /// The carrier's own name of the call.
    public var carrierCallID: String
    public var accountID: String
    /// Parameters our call instructions sent along.
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
    /// Counts every message of the stream, not only media; 0 where the carrier gave none that can be read.
    public var sequence: UInt32
    /// Milliseconds since the stream began, of the first sample; `nil` where the carrier gave none that can be read.
    public var timestamp: UInt64?
    public var payload: WirePayload

    public init(sequence: UInt32, timestamp: UInt64?, payload: WirePayload) {
        self.sequence = sequence
        self.timestamp = timestamp
        self.payload = payload
    }
}

/// Where the base64 text of a message's audio stands.
public enum WirePayload: Equatable, Sendable {
    /// At these offsets of the message just received, exactly as it stands there.
    case inPlace(Range<Int>)
    /// Decoded out of JSON escapes: legal, and rare enough to be copied.
    case unescaped([UInt8])
}

/// The name of a mark, as the session thinks of it; the codec writes and reads it as text.
public struct PlaybackMark: Hashable, Sendable {
    /// Counts interruptions: marks of an older epoch were cleared, not played.
    public var epoch: UInt32
    /// Never used twice in a call.
    public var number: UInt32

    public init(epoch: UInt32, number: UInt32) {
        self.epoch = epoch
        self.number = number
    }
}

/// Why a message of the carrier or of the model could not be understood. The message is dropped and counted; the
/// socket stays open.
public struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Not JSON, or not in UTF-8.
        case malformedJSON
        /// JSON, but a field is missing or of the wrong type.
        case malformedMessage
        /// Base64 text that is none.
        case malformedBase64
        /// The message names another stream than the one that was started.
        case wrongStream
        /// The stream's format is not one we can carry.
        case unsupportedFormat
    }

    public var code: Code
    /// The offending field or kind of message; never the caller's data.
    public var detail: String

    public init(_ code: Code, _ detail: String = "") {
        self.code = code
        self.detail = detail
    }

    public var description: String {
        detail.isEmpty ? code.rawValue : "\(code.rawValue): \(detail)"
    }
}
