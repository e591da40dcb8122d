/// Keeps the rings of detached taps for the next ones, so that a short call needs no fresh memory.
///
/// The thread that detaches a tap erases its ring at once. So one call's audio never appears in another call's ring,
/// and does not stay in memory. The media path never takes the pool's lock.
public final class TapPool: Sendable {
    /// The most rings to keep.
    public let limit: Int
    private let rings = Guarded<[ByteRing.Storage]>([])

    public init(limit: Int = 64) {
        self.limit = max(0, limit)
    }

    /// The number of rings that wait for reuse.
    public var count: Int { rings.withLock { $0.count } }

    /// Returns a ring of at least `minimumCapacity` bytes without any content of another tap.
    func take(minimumCapacity: Int) -> ByteRing.Storage {
        let kept = rings.withLock { rings -> ByteRing.Storage? in
            // Takes no ring of twice the requested size or more: large rings wait for requests that need them.
            let index = rings.firstIndex {
                $0.capacity >= minimumCapacity && $0.capacity / 2 < max(64, minimumCapacity)
            }
            return index.map { rings.remove(at: $0) }
        }
        return kept ?? ByteRing.Storage(minimumCapacity: minimumCapacity)
    }

    /// Takes back a ring whose halves are no longer used.
    /// - Parameter used: the extent that was written, as the producer's ``ByteRing/Producer/used`` returned it.
    func giveBack(_ storage: ByteRing.Storage, used: Int) {
        storage.clear(used: used)
        rings.withLock { rings in
            if rings.count < limit { rings.append(storage) }
        }
    }
}
