/// Keeps the rings of detached taps for the next, so that a short call costs no fresh memory.
///
/// What is given back is zeroed at once, by the thread that detaches: neither does a former call's audio ever show in
/// another's ring, nor does it lie about in memory meanwhile. Its lock is never taken on the media path.
public final class TapPool: Sendable {
    /// Rings kept at most.
    public let limit: Int
    private let rings = Guarded<[ByteRing.Storage]>([])

    public init(limit: Int = 64) {
        self.limit = max(0, limit)
    }

    /// Rings that wait for their next use.
    public var count: Int { rings.withLock { $0.count } }

    /// A ring for at least so many bytes, with nothing of another tap's in it.
    func take(minimumCapacity: Int) -> ByteRing.Storage {
        let kept = rings.withLock { rings -> ByteRing.Storage? in
            // Not twice the memory that is asked for: a large ring waits for those who need it.
            let index = rings.firstIndex {
                $0.capacity >= minimumCapacity && $0.capacity / 2 < max(64, minimumCapacity)
            }
            return index.map { rings.remove(at: $0) }
        }
        return kept ?? ByteRing.Storage(minimumCapacity: minimumCapacity)
    }

    /// Takes back a ring of which both halves are done with.
    /// - Parameter used: how far it was written to, as its producer told.
    func giveBack(_ storage: ByteRing.Storage, used: Int) {
        storage.clear(used: used)
        rings.withLock { rings in
            if rings.count < limit { rings.append(storage) }
        }
    }
}
