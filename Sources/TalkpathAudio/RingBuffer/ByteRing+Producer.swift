import Synchronization

extension ByteRing {
    /// The writing side of a ``ByteRing``. For one thread at a time; wait-free; allocates nothing.
    public struct Producer: ~Copyable, Sendable {
        private let storage: Storage
        private var written: UInt64 = 0
        /// The consumer's position as last read; read again only when the ring looks too full.
        private var seenRead: UInt64 = 0
        /// The position at the front of the memory; see ``returnToFront()``.
        private var origin: UInt64 = 0
        /// The value of ``used`` when the origin was set.
        private var usedBefore = 0

        init(_ storage: Storage) {
            self.storage = storage
        }

        /// Bytes the ring can hold.
        public var capacity: Int { storage.capacity }

        /// Bytes accepted since the ring was made.
        public var position: UInt64 { written }

        /// The consumer's position: bytes read, skipped or flushed since the ring was made.
        public var consumedPosition: UInt64 {
            // Acquiring: pairs with the consumer's releasing store, so its earlier reads are finished.
            storage.readPosition.pointee.load(ordering: .acquiring)
        }

        /// The highest offset in the memory that was ever written, in bytes from its front.
        var used: Int { max(usedBefore, Int(min(written - origin, UInt64(storage.capacity)))) }

        /// Bytes that `write` would accept now. The consumer may free more at any time; the number never falls by
        /// itself.
        public var writable: Int {
            storage.capacity - Int(written - consumedPosition)
        }

        /// Tells the consumer that no more bytes follow. The consumer reads the rest, and then sees
        /// ``ByteRing/Consumer/isFinished``. Write nothing afterwards.
        public func finish() {
            // Releasing: a consumer that sees it also sees every byte that was written before.
            storage.finished.pointee.store(1, ordering: .releasing)
        }

        /// Copies as many of `bytes` into the ring as fit, and makes them readable in one step.
        /// - Returns: the number of bytes accepted from the front of `bytes`.
        public mutating func write(_ bytes: RawSpan) -> Int {
            bytes.withUnsafeBytes { write($0) }
        }

        /// Writes memory that is not a span; otherwise equal to ``write(_:)-(RawSpan)``.
        public mutating func write(_ bytes: UnsafeRawBufferPointer) -> Int {
            returnToFront()
            let count = min(free(atLeast: bytes.count), bytes.count)
            guard count > 0, let source = bytes.baseAddress else { return 0 }
            copy(source, count: count, to: written)
            publish(count)
            return count
        }

        /// Copies `head` and then `body` into the ring and makes both readable in one step. Writes neither if there is
        /// not enough room for both.
        /// - Parameter reserve: bytes that must stay free after them.
        /// - Returns: true if they were written.
        package mutating func writeWhole(
            _ head: UnsafeRawBufferPointer,
            _ body: UnsafeRawBufferPointer,
            leaving reserve: Int = 0
        ) -> Bool {
            returnToFront()
            let count = head.count + body.count
            guard count + reserve <= free(atLeast: count + reserve) else { return false }
            if let source = head.baseAddress { copy(source, count: head.count, to: written) }
            if let source = body.baseAddress { copy(source, count: body.count, to: written + UInt64(head.count)) }
            publish(count)
            return true
        }

        /// Returns to the front of the memory once a stretch of it has been used and everything has been read. So
        /// memory beyond the most that ever waited at once is hardly touched.
        private mutating func returnToFront() {
            guard written - origin >= Storage.stretch else { return }
            // Acquiring: the consumer has finished reading the bytes that it released, so they may be overwritten.
            seenRead = storage.readPosition.pointee.load(ordering: .acquiring)
            guard seenRead == written else { return }
            usedBefore = used
            origin = written
            // Relaxed: the consumer reads the origin only after it has seen a position beyond it, and the store of that
            // position releases this one. While the consumer has bytes to read, the ring is not empty, so the origin
            // does not change.
            storage.origin.pointee.store(origin, ordering: .relaxed)
        }

        /// The free room in bytes. Reads the consumer's position only if `wanted` needs it.
        private mutating func free(atLeast wanted: Int) -> Int {
            let free = storage.capacity - Int(written - seenRead)
            guard free < wanted else { return free }
            // Acquiring: the consumer has finished reading the bytes that it released, so they may be overwritten.
            seenRead = storage.readPosition.pointee.load(ordering: .acquiring)
            return storage.capacity - Int(written - seenRead)
        }

        /// Copies to a position after all published bytes; the caller has checked that there is room.
        private func copy(_ source: UnsafeRawPointer, count: Int, to position: UInt64) {
            let offset = storage.offset(of: position, from: origin)
            let first = min(count, storage.capacity - offset)
            // Safety: offset + first <= capacity, and these bytes are free: the consumer has released them.
            Storage.copy(source, to: storage.bytes + offset, count: first)
            if count > first {
                // Safety: the rest goes to the front; because `count` bytes are free, it cannot reach unread ones.
                Storage.copy(source + first, to: storage.bytes, count: count - first)
            }
        }

        private mutating func publish(_ count: Int) {
            written += UInt64(count)
            // Releasing: a thread that sees this position also sees the bytes copied before.
            storage.writePosition.pointee.store(written, ordering: .releasing)
        }

        /// Makes the consumer skip, at its next access, all unread bytes written so far. Does not affect bytes written
        /// afterwards. The room becomes free when the consumer has skipped.
        public mutating func flush() {
            // Releasing: a thread that sees the mark also sees the bytes below it, and may count them.
            storage.flushMark.pointee.store(written, ordering: .releasing)
        }
    }
}
