import Synchronization

/// A lock-free ring of bytes between exactly two threads, one writing and one reading.
///
/// It is split at birth: move `producer` to the one side and `consumer` to the other. Both are noncopyable, so a
/// second writer or reader does not compile. Every operation is wait-free and allocates nothing; a full ring
/// accepts less than it was offered and says so.
///
/// ```swift
/// let ring = ByteRing(minimumCapacity: 80_000)
/// var producer = ring.producer
/// var consumer = ring.consumer
/// ```
///
/// Positions count bytes since birth and never wrap (64 bits). In a ring of G.711 at 8 kHz, a position divided by
/// eight is milliseconds.
///
/// A large ring that is mostly empty costs little memory: writing begins anew at the front of it whenever all has been
/// read, so that only as much of it is ever touched as has waited at once.
@frozen
public struct ByteRing: ~Copyable, Sendable {
    public var producer: Producer
    public var consumer: Consumer

    /// What a ring can hold, in bytes; what is asked for beyond is brought to the nearer bound.
    public static let capacities = 64...1 << 30

    /// A ring that holds at least `minimumCapacity` bytes: the next power of two, within ``capacities``.
    public init(minimumCapacity: Int) {
        self.init(Storage(minimumCapacity: minimumCapacity))
    }

    /// A ring in memory that no other ring uses, all its positions zero as after birth.
    init(_ storage: Storage) {
        self.producer = Producer(storage)
        self.consumer = Consumer(storage)
    }
}

extension ByteRing {
    /// The memory both halves share; it lives until the second of them is gone.
    ///
    /// Layout: three 128-byte lines (128, because adjacent lines are fetched in pairs) for the read position, the
    /// write position with the origin, and the flush mark, then the bytes.
    @usableFromInline
    final class Storage: @unchecked Sendable {
        // Unchecked: the pointers are never changed; what they point to is either atomic or ordered by an atomic.
        let readPosition: UnsafeMutablePointer<Atomic<UInt64>>
        let writePosition: UnsafeMutablePointer<Atomic<UInt64>>
        let flushMark: UnsafeMutablePointer<Atomic<UInt64>>
        /// The position that stands at the front of the memory. The producer moves it, and only while the ring is empty.
        let origin: UnsafeMutablePointer<Atomic<UInt64>>
        let bytes: UnsafeMutableRawPointer
        let capacity: Int
        private let memory: UnsafeMutableRawPointer

        private static let line = 128
        /// How far writing goes on before it returns to the front of an empty ring: not with every frame, for to know
        /// that the ring is empty costs a look at what the other thread writes.
        static let stretch: UInt64 = 2048
        /// What is touched at birth: more than an attended ring ever uses.
        private static let touched = 8192

        init(minimumCapacity: Int) {
            var capacity = ByteRing.capacities.lowerBound
            while capacity < min(minimumCapacity, ByteRing.capacities.upperBound) { capacity *= 2 }
            self.capacity = capacity
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 3 * Self.line + capacity, alignment: Self.line)
            self.memory = memory
            // Safety: no two indices share eight bytes of this fresh memory, which is aligned far beyond their need.
            func index(at offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
                let pointer = (memory + offset).bindMemory(to: Atomic<UInt64>.self, capacity: 1)
                pointer.initialize(to: Atomic(0))
                return pointer
            }
            readPosition = index(at: 0)
            writePosition = index(at: Self.line)
            // Read together with the write position, and written hardly ever.
            origin = index(at: Self.line + 64)
            flushMark = index(at: 2 * Self.line)
            bytes = memory + 3 * Self.line
            // Safety: `capacity` bytes follow the three lines; none is read before it was written. Touching some now
            // spares the media path page faults; touching all would make every ring cost what it can hold.
            bytes.initializeMemory(as: UInt8.self, repeating: 0, count: min(capacity, Self.touched))
        }

        /// As after birth: nothing of what was in the ring is left in its memory. For whoever alone has it, when both
        /// halves are gone or will not be used again.
        /// - Parameter used: how far it was written to, as ``Producer/used`` told.
        func clear(used: Int) {
            // Relaxed: whoever hands the memory on orders these stores before its next use.
            readPosition.pointee.store(0, ordering: .relaxed)
            writePosition.pointee.store(0, ordering: .relaxed)
            flushMark.pointee.store(0, ordering: .relaxed)
            origin.pointee.store(0, ordering: .relaxed)
            // Safety: no more than `capacity` bytes, and nobody reads or writes them now. Clearing those behind as well
            // would touch what a mostly empty ring has never needed.
            bytes.initializeMemory(as: UInt8.self, repeating: 0, count: min(used, capacity))
        }

        /// Where a position stands, if `origin` stands at the front.
        func offset(of position: UInt64, from origin: UInt64) -> Int {
            Int(truncatingIfNeeded: position &- origin) & (capacity - 1)
        }

        /// Copies bytes into the ring or out of it.
        ///
        /// In debug builds byte by byte: the thread sanitizer of Swift 6.3 on Linux does not check what `memmove`
        /// touches, and would find nothing wrong with a ring that orders nothing.
        static func copy(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int) {
            #if DEBUG
            // Safety: raw bytes may be read and written as such; the caller promises `count` of them on both sides.
            let (source, target) = (
                source.assumingMemoryBound(to: UInt8.self), target.assumingMemoryBound(to: UInt8.self)
            )
            var index = 0
            while index < count {
                target[index] = source[index]
                index += 1
            }
            #else
            target.copyMemory(from: source, byteCount: count)
            #endif
        }

        deinit {
            // Safety: both halves are gone, nobody else knows the memory; it was initialised in `init`.
            readPosition.deinitialize(count: 1)
            writePosition.deinitialize(count: 1)
            flushMark.deinitialize(count: 1)
            origin.deinitialize(count: 1)
            memory.deallocate()
        }
    }
}
