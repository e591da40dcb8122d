import Synchronization

/// Where taps are attached to a media path and detached from it: by any thread but the media thread, at any time.
///
/// Those who attach and detach exclude each other by a lock that the media thread does not know. What the media thread
/// looks at is a word with a bit for each tap. A detached ring is taken away at once if the media thread is not writing
/// at that moment, else when somebody attaches or detaches after that one write is over.
public final class TapPoint: Sendable {
    /// Taps at most.
    public static let limit = 16

    /// Rings are at least and at most this large; what is asked for beyond is brought to the nearer bound.
    public static let capacities = 1024...64 * 1024 * 1024

    /// A bit for each slot the writer serves.
    let attached = Atomic<UInt64>(0)
    /// The kinds that any of them wants.
    let wanted = Atomic<UInt64>(0)
    /// Counts the writer's comings and goings: odd while it is at the slots.
    let turn = Atomic<UInt64>(0)
    /// The writer is gone.
    let isOver = Atomic<Bool>(false)
    // Unsafe: the pointer never changes; who may touch what it points to is decided by `attached` and `turn`.
    nonisolated(unsafe) let slots: UnsafeMutablePointer<TapSlot>

    private struct Control {
        /// Slots that are initialised, and their rings and kinds.
        var used: UInt64 = 0
        var rings = [ByteRing.Storage?](repeating: nil, count: TapPoint.limit)
        var kinds = [TapKinds](repeating: [], count: TapPoint.limit)
        /// Those of them that are detached, but that the writer may still be at.
        var leaving: UInt64 = 0
        /// The writer's turn, as seen right after each of these was detached.
        var leftAt = [UInt64](repeating: 0, count: TapPoint.limit)
    }

    private let control = Guarded(Control())
    private let pool: TapPool?

    init(pool: TapPool?) {
        self.pool = pool
        slots = .allocate(capacity: Self.limit)
    }

    deinit {
        // The writer and all taps hold this object, so nobody is at the slots.
        control.withLock { control in
            for index in 0..<Self.limit where control.used >> UInt64(index) & 1 == 1 { free(index, &control) }
        }
        slots.deallocate()
    }

    /// Taps that are attached now.
    public var count: Int {
        // Relaxed: a number to look at.
        attached.load(ordering: .relaxed).nonzeroBitCount
    }

    /// Begins to listen: every record of these kinds that is written from now on.
    ///
    /// Allocates or takes from the pool; not for the media thread.
    /// - Parameter minimumCapacity: how much may wait to be read, in bytes, each record taking 25 bytes more than its
    ///   payload; brought into ``capacities``.
    /// - Throws: ``TapError`` if there are too many taps, or the writer is gone.
    public func attach(_ kinds: TapKinds, minimumCapacity: Int) throws(TapError) -> Tap {
        let capacity = min(max(minimumCapacity, Self.capacities.lowerBound), Self.capacities.upperBound)
        // Acquiring: pairs with the writer's last store.
        guard !isOver.load(ordering: .acquiring) else { throw .ended }
        let place = control.withLock { control -> (index: Int, ring: ByteRing.Storage)? in
            reclaim(&control)
            let index = (~control.used).trailingZeroBitCount
            guard index < Self.limit else { return nil }
            let storage = pool?.take(minimumCapacity: capacity) ?? ByteRing.Storage(minimumCapacity: capacity)
            // Safety: the slot is not in use, and the writer will not look at it before its bit is set.
            (slots + index).initialize(to: TapSlot(ByteRing.Producer(storage), kinds))
            control.used |= 1 << UInt64(index)
            control.rings[index] = storage
            control.kinds[index] = kinds
            // Sequentially consistent, and with that releasing: the slot is ready before the writer sees its bit.
            attached.bitwiseOr(1 << UInt64(index), ordering: .sequentiallyConsistent)
            updateWanted(control)
            return (index, storage)
        }
        guard let place else { throw .tooMany(limit: Self.limit) }
        return Tap(point: self, index: place.index, consumer: ByteRing.Consumer(place.ring))
    }

    func detach(_ index: Int) {
        control.withLock { control in
            // Sequentially consistent: see `TapWriter.write`.
            attached.bitwiseAnd(~(1 << UInt64(index)), ordering: .sequentiallyConsistent)
            control.leaving |= 1 << UInt64(index)
            control.leftAt[index] = turn.load(ordering: .sequentiallyConsistent)
            updateWanted(control)
            reclaim(&control)
        }
    }

    private func updateWanted(_ control: borrowing Control) {
        var kinds: TapKinds = []
        for index in 0..<Self.limit where (control.used & ~control.leaving) >> UInt64(index) & 1 == 1 {
            kinds.formUnion(control.kinds[index])
        }
        // Relaxed: a hint to the writer; `attached` is what it obeys.
        wanted.store(kinds.rawValue, ordering: .relaxed)
    }

    /// Takes away what is detached, unless the writer may still be at it.
    private func reclaim(_ control: inout Control) {
        guard control.leaving != 0 else { return }
        // Sequentially consistent: a writer that was away when a bit was cleared, or has been away since, looks at
        // `attached` after that and finds it cleared. Acquiring with that: all it did to the slots is done.
        let turn = turn.load(ordering: .sequentiallyConsistent)
        for index in 0..<Self.limit where control.leaving >> UInt64(index) & 1 == 1 {
            // Not only whether it is away now: a writer that hardly rests would keep every detached ring.
            guard control.leftAt[index] & 1 == 0 || control.leftAt[index] != turn else { continue }
            free(index, &control)
        }
    }

    private func free(_ index: Int, _ control: inout Control) {
        // Safety: initialised when it was attached, and the writer will not look at it again.
        let used = slots[index].used
        (slots + index).deinitialize(count: 1)
        if let ring = control.rings[index] { pool?.giveBack(ring, used: used) }
        control.rings[index] = nil
        control.used &= ~(1 << UInt64(index))
        control.leaving &= ~(1 << UInt64(index))
    }
}
