/// Why a media socket is given no call.
///
/// The raw values are sentences for the log and for the socket's close: they hold nothing of what the peer has sent.
package enum StreamRefusal: String, Error, CaseIterable, Sendable {
    case withoutToken = "the start message brings no token"
    /// One that was never given, too: the two are not told apart.
    case unknownToken = "the token is unknown, spent or expired, or its call is over"
    case otherCall = "the start message names another call than the token's"
    case notWanted = "the call has a media socket, or is over"
    case notAccepted = "the server takes no new call"
}
