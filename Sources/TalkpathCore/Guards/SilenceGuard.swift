import TalkpathAudio

/// The call was answered, but the caller's line is dead: no audio comes, or nothing but silence.
///
/// Pure: gets the last heard audio every 20 ms.
struct SilenceGuard: Equatable, Sendable {
    let timeout: Duration
    private var began: MonotonicInstant?
    private var watched: MonotonicInstant?
    private var quiet = Duration.zero

    init(timeout: Duration) {
        self.timeout = timeout
    }

    /// The first call starts the clock.
    ///
    /// - Parameters:
    ///   - lastAudio: when the caller's line last brought anything.
    ///   - lastSound: when it last brought more than a dead line's noise.
    ///   - isAgentHeard: people listen silently, and many telephones then send nothing but silence: that time does not
    ///     count.
    /// - Returns: why the call is to be ended.
    mutating func watch(
        lastAudio: MonotonicInstant?,
        lastSound: MonotonicInstant?,
        isAgentHeard: Bool,
        at now: MonotonicInstant
    ) -> String? {
        guard let began, let watched else {
            self.began = now
            self.watched = now
            return nil
        }
        if let lastSound, lastSound > watched {
            quiet = .zero
        } else if !isAgentHeard {
            quiet += max(.zero, now - watched)
        }
        self.watched = now
        if now - max(began, lastAudio ?? began) >= timeout { return "no audio came from the caller" }
        return quiet >= timeout ? "the caller's line was silent" : nil
    }
}
