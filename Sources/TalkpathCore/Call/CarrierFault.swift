/// One thing that the carrier reported as gone wrong: in its answer, in a webhook, or on the way to either.
///
/// It stands in the receipt and the record, in the event `carrier.error`, in the log and in a metric.
public struct CarrierFault: Equatable, Sendable {
    /// The step that failed. The raw values are stable.
    public enum Source: String, Sendable, CaseIterable {
        /// The order to place the call.
        case placing
        /// The network beyond the carrier: ``CarrierFault/code`` is the status of the SIP response (RFC 3261 §21).
        case dialling
        /// The call's media stream.
        case stream
        /// The order to hang up.
        case hangUp = "hang_up"
    }

    public var source: Source
    /// The carrier's number for it; for ``Source/dialling``, the SIP status.
    public var code: Int?
    /// Plain words, without phone numbers and secrets.
    public var message: String

    public init(_ source: Source, code: Int? = nil, _ message: String) {
        self.source = source
        self.code = code
        self.message = message
    }

    /// One line for people.
    package var words: String { code.map { "\(message) (\($0))" } ?? message }

    /// So many are kept for a call.
    package static let limit = 8
}

/// A webhook of the carrier that tells more than the call's progress.
public enum CarrierReport: Equatable, Sendable {
    case streamStarted
    case streamStopped
    /// Something is wrong with the media stream, which goes on.
    case streamWarned(CarrierFault)
    /// The media stream broke, or never began.
    case streamFailed(CarrierFault)
    /// The carrier saw this side close the media stream. Whether that was an error depends on whether the call was
    /// being ended.
    case streamClosed(CarrierFault)
    /// The reason why the call was not connected. The call's progress is reported apart.
    case dialFailed(CarrierFault)

    /// The fault; `nil` if there is none.
    package var fault: CarrierFault? {
        switch self {
        case .streamStarted, .streamStopped: nil
        case .streamWarned(let fault), .streamFailed(let fault), .streamClosed(let fault), .dialFailed(let fault): fault
        }
    }
}
