import TalkpathAudio

/// Tokens by which a media socket shows to which call it belongs: handed out in the call's instructions to the
/// carrier, good for one socket and a short time. A call has one at a time.
struct StreamTokens {
    private struct Entry {
        var call: CallID
        var expires: MonotonicInstant
    }

    private var entries: [String: Entry] = [:]
    let lifetime: Duration

    init(lifetime: Duration = .seconds(60)) {
        self.lifetime = lifetime
    }

    mutating func add(_ token: String, for call: CallID, at now: MonotonicInstant) {
        entries = entries.filter { $0.value.expires > now && $0.value.call != call }
        entries[token] = Entry(call: call, expires: now + lifetime)
    }

    /// The call's token that nobody has spent yet.
    func token(of call: CallID, at now: MonotonicInstant) -> String? {
        entries.first { $0.value.call == call && $0.value.expires > now }?.key
    }

    /// The token's call. The token is not spent.
    func call(of token: String, at now: MonotonicInstant) -> CallID? {
        entries[token].flatMap { $0.expires > now ? $0.call : nil }
    }

    mutating func remove(_ token: String) {
        entries[token] = nil
    }

    mutating func removeAll(of call: CallID) {
        entries = entries.filter { $0.value.call != call }
    }
}

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
