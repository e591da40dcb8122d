public import TalkpathAudio

/// A carrier's audio connection that speaks a protocol of its own, as ``TelephonyBridge`` writes to it: a SIP or RTP
/// gateway, another vendor's socket.
///
/// The bridge calls both methods on a media thread, which carries many calls: hand the work to your server's own buffer or
/// thread and return at once.
public protocol AudioLine: Sendable {
    /// Sends messages, in this order: those of one wake of the bridge, as a rule one frame of 20 ms.
    func send(_ messages: [AudioLineMessage])

    /// Closes the connection. Call ``AudioLineStream/closed()`` once it is gone; the bridge waits two seconds for that.
    ///
    /// - Parameters:
    ///   - code: 1000, or the code of the fault, as of WebSockets (RFC 6455 §7.4.1).
    ///   - reason: a short sentence for the peer's log; free of numbers and secrets.
    func close(code: UInt16, reason: String)
}

/// A message of the bridge's to a carrier.
public enum AudioLineMessage: Equatable, Sendable {
    /// Audio for the caller in the line's format, as a rule 20 ms. Queue it behind the audio before it and play it in real
    /// time: the bridge sends some 200 ms ahead.
    case audio([UInt8])
    /// Call ``AudioLineStream/played(mark:)`` with this name once all audio before the mark has been played. Without that
    /// the bridge estimates by its own clock what the caller has heard.
    case mark(String)
    /// The caller has interrupted: drop all audio that has not been played. Marks in front of it need not be reported.
    case clear
}

/// The beginning of a carrier's audio connection.
public struct AudioLineStart: Sendable {
    /// The carrier's name of the call; empty if there is none.
    public var carrierCallID: String
    /// The token that `CallManager.makeStreamToken(for:)` made. `nil` for a line that makes a new call.
    public var token: String?
    /// Further parameters, for the closure that makes a new call.
    public var parameters: [String: String]
    /// The format of the audio both ways, 8 kHz to 48 kHz, one channel. Inside, a telephone line has 8 kHz: audio of other
    /// rates is resampled.
    public var format: AudioFormat

    public init(
        carrierCallID: String,
        token: String? = nil,
        parameters: [String: String] = [:],
        format: AudioFormat = .telephony
    ) {
        self.carrierCallID = carrierCallID
        self.token = token
        self.parameters = parameters
        self.format = format
    }
}

/// The reason why the bridge did not take an ``AudioLine``.
public struct AudioLineError: Error, Equatable, CustomStringConvertible {
    public var description: String
}
