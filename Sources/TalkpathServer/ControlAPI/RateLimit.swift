import Synchronization
import TalkpathAudio

/// How many calls a tenant may place per second, with room for twice as many at once.
final class RateLimit: Sendable {
    private struct Bucket {
        var tokens: Double
        var filledAt: MonotonicInstant
    }

    private let rate: Double
    private let capacity: Double
    private let buckets = Mutex<[String: Bucket]>([:])

    init(perSecond: Int) {
        rate = Double(perSecond)
        capacity = Double(perSecond) * 2
    }

    /// Takes one, if there is one.
    /// - Returns: otherwise, how many seconds until there is.
    func take(for tenant: String, at now: MonotonicInstant) -> Int? {
        buckets.withLock { buckets in
            var bucket = buckets[tenant] ?? Bucket(tokens: capacity, filledAt: now)
            bucket.tokens = min(capacity, bucket.tokens + now.milliseconds(since: bucket.filledAt) / 1000 * rate)
            bucket.filledAt = now
            let mayPass = bucket.tokens >= 1
            if mayPass { bucket.tokens -= 1 }
            buckets[tenant] = bucket
            return mayPass ? nil : Int(((1 - bucket.tokens) / rate).rounded(.up))
        }
    }
}
