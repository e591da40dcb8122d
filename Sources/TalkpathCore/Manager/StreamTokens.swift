import TalkpathAudio

/// Tokens by which a media socket shows to which call it belongs: handed out in the call's instructions to the
/// carrier, good for one socket and a short time.
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
        entries = entries.filter { $0.value.expires > now }
        entries[token] = Entry(call: call, expires: now + lifetime)
    }

    /// The token's call; the token is spent.
    mutating func spend(_ token: String, at now: MonotonicInstant) -> CallID? {
        guard let entry = entries.removeValue(forKey: token), entry.expires > now else { return nil }
        return entry.call
    }

    mutating func removeAll(of call: CallID) {
        entries = entries.filter { $0.value.call != call }
    }
}
