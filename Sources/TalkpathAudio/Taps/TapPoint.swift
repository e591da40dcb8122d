import Synchronization

/// Attaches taps to a media path and detaches them. For any thread but the media thread, at any time.
///
/// A lock, which the media thread never takes, serialises attaching and detaching. The media thread reads one word with
/// a bit for each tap. A detached ring is freed at once if the media thread is not writing at that moment; else the
/// next attaching or detaching after that write frees it.
public final class TapPoint: Sendable {
    /// The most taps of one point.
    public static let limit = 16

    /// The possible ring sizes in bytes; a request outside is clamped.
    public static let capacities = 1024...64 * 1024 * 1024

    /// A bit for each slot that the writer serves.
    let attached = Atomic<UInt64>(0)
    /// The union of the kinds that the attached taps want.
    let wanted = Atomic<UInt64>(0)
    /// Counts the writer's entries and exits: odd while it accesses the slots.
    let turn = Atomic<UInt64>(0)
    /// True when the writer is gone.
    let isOver = Atomic<Bool>(false)
    // Unsafe: the pointer never changes; `attached` and `turn` decide which thread may access the slots.
    nonisolated(unsafe) let slots: UnsafeMutablePointer<TapSlot>

    private struct Control {
        /// The initialised slots, with their rings and kinds.
        var used: UInt64 = 0
        var rings = [ByteRing.Storage?](repeating: nil, count: TapPoint.limit)
        var kinds = [TapKinds](repeating: [], count: TapPoint.limit)
        /// The initialised slots that are detached but that the writer may still access.
        var leaving: UInt64 = 0
        /// For each of those, the writer's turn right after the slot was detached.
        var leftAt = [UInt64](repeating: 0, count: TapPoint.limit)
    }

    private let control = Guarded(Control())
    private let pool: TapPool?

    init(pool: TapPool?) {
        self.pool = pool
        slots = .allocate(capacity: Self.limit)
    }

    deinit {
        // The writer and all taps hold this object, so no thread accesses the slots now.
        control.withLock { control in
            for index in 0..<Self.limit where control.used >> UInt64(index) & 1 == 1 { free(index, &control) }
        }
        slots.deallocate()
    }

    /// The number of attached taps.
    public var count: Int {
        // Relaxed: the number orders nothing.
        attached.load(ordering: .relaxed).nonzeroBitCount
    }

    /// Attaches a tap, which receives every record of these kinds that is written from now on.
    ///
    /// Allocates a ring or takes one from the pool; not for the media thread.
    /// - Parameter minimumCapacity: the bytes that may wait to be read; each record takes 25 bytes more than its
    ///   payload. Clamped to ``capacities``.
    /// - Throws: ``TapError`` if there are too many taps, or if the writer is gone.
    public func attach(_ kinds: TapKinds, minimumCapacity: Int) throws(TapError) -> Tap {
        let capacity = min(max(minimumCapacity, Self.capacities.lowerBound), Self.capacities.upperBound)
        // Acquiring: pairs with the writer's last store.
        guard !isOver.load(ordering: .acquiring) else { throw .ended }
        let place = control.withLock { control -> (index: Int, ring: ByteRing.Storage)? in
            reclaim(&control)
            let index = (~control.used).trailingZeroBitCount
            guard index < Self.limit else { return nil }
            let storage = pool?.take(minimumCapacity: capacity) ?? ByteRing.Storage(minimumCapacity: capacity)
            // Safety: the slot is not in use, and the writer does not access it before its bit is set.
            (slots + index).initialize(to: TapSlot(ByteRing.Producer(storage), kinds))
            control.used |= 1 << UInt64(index)
            control.rings[index] = storage
            control.kinds[index] = kinds
            // Sequentially consistent, which includes releasing: the slot is ready before the writer sees its bit.
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
        // Relaxed: a hint for the writer; `attached` is binding.
        wanted.store(kinds.rawValue, ordering: .relaxed)
    }

    /// Frees the detached slots, except those that the writer may still access.
    private func reclaim(_ control: inout Control) {
        guard control.leaving != 0 else { return }
        // Sequentially consistent: a writer that was outside when a bit was cleared, or has been outside since, reads
        // `attached` after that and finds the bit cleared. Includes acquiring: its accesses to the slots are finished.
        let turn = turn.load(ordering: .sequentiallyConsistent)
        for index in 0..<Self.limit where control.leaving >> UInt64(index) & 1 == 1 {
            // Compares turns too: checking only whether the writer is outside now would keep the rings of a writer that
            // hardly ever is.
            guard control.leftAt[index] & 1 == 0 || control.leftAt[index] != turn else { continue }
            free(index, &control)
        }
    }

    private func free(_ index: Int, _ control: inout Control) {
        // Safety: the slot was initialised when it was attached, and the writer will not access it again.
        let used = slots[index].used
        (slots + index).deinitialize(count: 1)
        if let ring = control.rings[index] { pool?.giveBack(ring, used: used) }
        control.rings[index] = nil
        control.used &= ~(1 << UInt64(index))
        control.leaving &= ~(1 << UInt64(index))
    }
}
