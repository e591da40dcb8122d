/// The reason why a media socket is given no call.
///
/// The raw values are sentences for the log and for the socket's close: they contain no text of the peer.
package enum StreamRefusal: String, Error, CaseIterable, Sendable {
    case withoutToken = "the start message brings no token"
    /// One that was never given, too: the two are not told apart.
    case unknownToken = "the token is unknown, spent or expired, or its call is over"
    case otherCall = "the start message names another call than the token's"
    case notWanted = "the call has a media socket, or is over"
    case notAccepted = "the server takes no new call"
}

/// The reason in one word, for metrics.
package enum MediaRefusal: String, CaseIterable, Sendable {
    /// Closed, silent or talkative without a start message.
    case withoutStart = "without_start"
    case withoutToken = "without_token"
    case unknownToken = "unknown_token"
    case otherCall = "other_call"
    case notWanted = "not_wanted"
    case notAccepted = "not_accepted"
    case unsupportedFormat = "unsupported_format"
    /// The request to open it bears no valid signature of the carrier's.
    case unsigned
    /// In development: it comes from elsewhere than this machine.
    case foreign

    package init(_ refusal: StreamRefusal) {
        switch refusal {
        case .withoutToken: self = .withoutToken
        case .unknownToken: self = .unknownToken
        case .otherCall: self = .otherCall
        case .notWanted: self = .notWanted
        case .notAccepted: self = .notAccepted
        }
    }
}
