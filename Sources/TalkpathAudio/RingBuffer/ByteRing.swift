import Synchronization

/// A lock-free ring of bytes between exactly two threads, one writing and one reading.
///
/// Each thread owns one half: move `producer` to the writing side and `consumer` to the reading side. Both are
/// noncopyable, so a second writer or reader does not compile. Every operation is wait-free and allocates nothing. A
/// full ring accepts fewer bytes than it was offered and returns the number.
///
/// ```swift
/// let ring = ByteRing(minimumCapacity: 80_000)
/// var producer = ring.producer
/// var consumer = ring.consumer
/// ```
///
/// Positions count bytes since the ring was made and never wrap (64 bits). In a ring of G.711 at 8 kHz, a position
/// divided by eight is milliseconds.
///
/// A large ring that is mostly empty costs little memory: the producer returns to the front whenever everything has
/// been read, so only about as much memory is touched as ever waited at once.
@frozen
public struct ByteRing: ~Copyable, Sendable {
    public var producer: Producer
    public var consumer: Consumer

    /// The possible capacities in bytes; a request outside is clamped.
    public static let capacities = 64...1 << 30

    /// A ring that holds at least `minimumCapacity` bytes: the next power of two, within ``capacities``.
    public init(minimumCapacity: Int) {
        self.init(Storage(minimumCapacity: minimumCapacity))
    }

    /// A ring in memory that no other ring uses; all its positions are zero, as in new memory.
    init(_ storage: Storage) {
        self.producer = Producer(storage)
        self.consumer = Consumer(storage)
    }
}

extension ByteRing {
    /// The memory that both halves share; it lives until both halves are gone.
    ///
    /// Layout: three 128-byte lines (128, because adjacent lines are fetched in pairs), then the bytes. The lines hold
    /// the read position, the write position with the origin, and the flush mark with the end mark `finished`.
    @usableFromInline
    final class Storage: @unchecked Sendable {
        // Unchecked: the pointers never change; their targets are atomic, or ordered by an atomic.
        let readPosition: UnsafeMutablePointer<Atomic<UInt64>>
        let writePosition: UnsafeMutablePointer<Atomic<UInt64>>
        let flushMark: UnsafeMutablePointer<Atomic<UInt64>>
        /// 1 once the producer has called ``Producer/finish()``; 0 before.
        let finished: UnsafeMutablePointer<Atomic<UInt64>>
        /// The position at the front of the memory. Only the producer moves it, and only while the ring is empty.
        let origin: UnsafeMutablePointer<Atomic<UInt64>>
        let bytes: UnsafeMutableRawPointer
        let capacity: Int
        private let memory: UnsafeMutableRawPointer

        private static let line = 128
        /// Bytes that the producer writes before it returns to the front of an empty ring. It does not try with every
        /// frame, because checking for emptiness reads a line that the other thread writes.
        static let stretch: UInt64 = 2048
        /// Bytes initialised when the ring is made: more than a ring uses whose consumer keeps up.
        private static let touched = 8192

        init(minimumCapacity: Int) {
            var capacity = ByteRing.capacities.lowerBound
            while capacity < min(minimumCapacity, ByteRing.capacities.upperBound) { capacity *= 2 }
            self.capacity = capacity
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 3 * Self.line + capacity, alignment: Self.line)
            self.memory = memory
            // Safety: no two indices share eight bytes of this fresh memory, and its alignment exceeds their need.
            func index(at offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
                let pointer = (memory + offset).bindMemory(to: Atomic<UInt64>.self, capacity: 1)
                pointer.initialize(to: Atomic(0))
                return pointer
            }
            readPosition = index(at: 0)
            writePosition = index(at: Self.line)
            // Shares a line with the write position, because both are read together and the origin is rarely written.
            origin = index(at: Self.line + 64)
            flushMark = index(at: 2 * Self.line)
            // Shares a line with the flush mark: the consumer reads both about once a frame. The producer writes
            // this one once.
            finished = index(at: 2 * Self.line + 64)
            bytes = memory + 3 * Self.line
            // Safety: `capacity` bytes follow the three lines, and none is read before it was written. Initialising
            // some now spares the media path page faults; initialising all would make every ring cost its full
            // capacity.
            bytes.initializeMemory(as: UInt8.self, repeating: 0, count: min(capacity, Self.touched))
        }

        /// Resets the memory to its initial state and erases its content. Only for the sole owner, when both halves are
        /// gone or will not be used again.
        /// - Parameter used: the extent that was written, as ``Producer/used`` returned it.
        func clear(used: Int) {
            // Relaxed: the code that hands the memory on orders these stores before its next use.
            readPosition.pointee.store(0, ordering: .relaxed)
            writePosition.pointee.store(0, ordering: .relaxed)
            flushMark.pointee.store(0, ordering: .relaxed)
            finished.pointee.store(0, ordering: .relaxed)
            origin.pointee.store(0, ordering: .relaxed)
            // Safety: at most `capacity` bytes, and no thread reads or writes them now. Erasing beyond `used` would
            // touch memory that a mostly empty ring never needed.
            bytes.initializeMemory(as: UInt8.self, repeating: 0, count: min(used, capacity))
        }

        /// The offset of a position in the memory, if `origin` is at the front.
        func offset(of position: UInt64, from origin: UInt64) -> Int {
            Int(truncatingIfNeeded: position &- origin) & (capacity - 1)
        }

        /// Copies bytes into the ring or out of it.
        ///
        /// Debug builds copy byte by byte: the thread sanitizer of Swift 6.3 on Linux does not check `memmove`, so it
        /// would miss a ring without any ordering.
        static func copy(_ source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int) {
            #if DEBUG
            // Safety: raw bytes may be read and written as UInt8; the caller guarantees `count` of them on both sides.
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
            // Safety: both halves are gone, so no other code knows the memory; `init` initialised it.
            readPosition.deinitialize(count: 1)
            writePosition.deinitialize(count: 1)
            flushMark.deinitialize(count: 1)
            finished.deinitialize(count: 1)
            origin.deinitialize(count: 1)
            memory.deallocate()
        }
    }
}
