import Synchronization
package import TalkpathAudio

/// Lets a cause into the log at once, and then at most once a minute, with how often it came in between.
///
/// For what peers can do as often as they like. Thread-safe; takes a lock, so nothing for the media path.
package final class LogLimiter: Sendable {
    private struct Entry {
        var nextAt: MonotonicInstant
        var repeats = 0
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let pause: Duration
    /// Causes that are kept apart; beyond that the oldest is forgotten.
    private static let most = 256

    package init(pause: Duration = .seconds(60)) {
        self.pause = pause
    }

    /// - Parameters:
    ///   - cause: what is counted together.
    ///   - write: is told how often the cause came since it was written last. Not called where it is too early.
    package func log(_ cause: String, at now: MonotonicInstant, _ write: (_ repeats: Int) -> Void) {
        let repeats: Int? = entries.withLock { entries in
            if var entry = entries[cause], now < entry.nextAt {
                entry.repeats += 1
                entries[cause] = entry
                return nil
            }
            let repeats = entries[cause]?.repeats ?? 0
            if entries.count >= Self.most, let oldest = entries.min(by: { $0.value.nextAt < $1.value.nextAt })?.key {
                entries[oldest] = nil
            }
            entries[cause] = Entry(nextAt: now + pause)
            return repeats
        }
        if let repeats { write(repeats) }
    }
}
