import Synchronization

extension ByteRing {
    /// The writing side of a ``ByteRing``. For one thread at a time; wait-free; allocates nothing.
    public struct Producer: ~Copyable, Sendable {
        private let storage: Storage
        private var written: UInt64 = 0
        /// The consumer's position as last seen: it is read anew only when the ring looks too full.
        private var seenRead: UInt64 = 0
        /// The position at the front of the memory; see ``returnToFront()``.
        private var origin: UInt64 = 0
        /// As ``used``, when the origin was set.
        private var usedBefore = 0

        init(_ storage: Storage) {
            self.storage = storage
        }

        /// Bytes the ring can hold.
        public var capacity: Int { storage.capacity }

        /// Bytes accepted since birth.
        public var position: UInt64 { written }

        /// How far the consumer has come, in bytes since birth: read, skipped or flushed.
        public var consumedPosition: UInt64 {
            // Acquiring: pairs with the consumer's releasing store; what it did before is done.
            storage.readPosition.pointee.load(ordering: .acquiring)
        }

        /// How far the memory was ever written to, in bytes from its front.
        var used: Int { max(usedBefore, Int(min(written - origin, UInt64(storage.capacity)))) }

        /// Bytes that `write` would accept now. More may become free at any time, never fewer.
        public var writable: Int {
            storage.capacity - Int(written - consumedPosition)
        }

        /// Copies as much of `bytes` into the ring as fits, and makes it readable in one step.
        /// - Returns: the bytes accepted, counted from the front of `bytes`.
        public mutating func write(_ bytes: RawSpan) -> Int {
            bytes.withUnsafeBytes { write($0) }
        }

        /// As ``write(_:)-(RawSpan)``, for memory that is not a span.
        public mutating func write(_ bytes: UnsafeRawBufferPointer) -> Int {
            returnToFront()
            let count = min(free(atLeast: bytes.count), bytes.count)
            guard count > 0, let source = bytes.baseAddress else { return 0 }
            copy(source, count: count, to: written)
            publish(count)
            return count
        }

        /// Copies both into the ring, one behind the other, and makes them readable in one step; or, if there is not
        /// room for both, neither.
        /// - Parameter reserve: what must be left free behind them.
        /// - Returns: whether they were written.
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

        /// Once a stretch of the memory has been used and all in it has been read, goes on at the front of it: memory that
        /// was never needed at once is then never touched.
        private mutating func returnToFront() {
            guard written - origin >= Storage.stretch else { return }
            // Acquiring: the consumer has finished reading what it released, so it may be overwritten.
            seenRead = storage.readPosition.pointee.load(ordering: .acquiring)
            guard seenRead == written else { return }
            usedBefore = used
            origin = written
            // Relaxed: the consumer asks for it only after it has seen a position beyond it, whose store releases this
            // one; and while it has anything to read, the ring is not empty, so that this does not change.
            storage.origin.pointee.store(origin, ordering: .relaxed)
        }

        /// How much room there is; asks the consumer's position only if `wanted` needs it.
        private mutating func free(atLeast wanted: Int) -> Int {
            let free = storage.capacity - Int(written - seenRead)
            guard free < wanted else { return free }
            // Acquiring: the consumer has finished reading what it released, so it may be overwritten.
            seenRead = storage.readPosition.pointee.load(ordering: .acquiring)
            return storage.capacity - Int(written - seenRead)
        }

        /// To a place behind all that is published, where there is room.
        private func copy(_ source: UnsafeRawPointer, count: Int, to position: UInt64) {
            let offset = storage.offset(of: position, from: origin)
            let first = min(count, storage.capacity - offset)
            // Safety: offset + first <= capacity, and these bytes are free: the consumer has released them.
            Storage.copy(source, to: storage.bytes + offset, count: first)
            if count > first {
                // Safety: the rest goes to the front; that `count` bytes are free keeps it clear of unread ones.
                Storage.copy(source + first, to: storage.bytes, count: count - first)
            }
        }

        private mutating func publish(_ count: Int) {
            written += UInt64(count)
            // Releasing: the bytes copied before are visible to whoever sees this position.
            storage.writePosition.pointee.store(written, ordering: .releasing)
        }

        /// Makes the consumer skip, at its next access, all that was written until now and not yet read.
        /// What is written afterwards is untouched. The room becomes free when the consumer has skipped.
        public mutating func flush() {
            // Releasing: whoever sees the mark also sees the bytes below it, and may count them.
            storage.flushMark.pointee.store(written, ordering: .releasing)
        }
    }
}
