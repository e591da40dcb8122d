import Synchronization
package import TalkpathAudio

/// Logs a cause at once, and after that at most once a minute, with the number of repeats in between.
///
/// For events that peers can cause at any rate. Thread-safe. It takes a lock, so do not use it on the media path.
package final class LogLimiter: Sendable {
    private struct Entry {
        var nextAt: MonotonicInstant
        var repeats = 0
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let pause: Duration
    /// The most causes tracked; beyond that the oldest is dropped.
    private static let most = 256

    package init(pause: Duration = .seconds(60)) {
        self.pause = pause
    }

    /// - Parameters:
    ///   - cause: the key under which events are counted together.
    ///   - write: called with the number of repeats since the cause was last written; not called before the pause is
    ///     over.
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
