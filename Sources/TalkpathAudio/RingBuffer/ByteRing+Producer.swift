import Synchronization

extension ByteRing {
    /// The writing side of a ``ByteRing``. For one thread at a time; wait-free; allocates nothing.
    public struct Producer: ~Copyable, Sendable {
        private let storage: Storage
        private var written: UInt64 = 0
        /// The consumer's position as last seen: it is read anew only when the ring looks too full.
        private var seenRead: UInt64 = 0

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
            var free = storage.capacity - Int(written - seenRead)
            if free < bytes.count {
                // Acquiring: the consumer has finished reading what it released, so it may be overwritten.
                seenRead = storage.readPosition.pointee.load(ordering: .acquiring)
                free = storage.capacity - Int(written - seenRead)
            }
            let count = min(free, bytes.count)
            guard count > 0, let source = bytes.baseAddress else { return 0 }

            let offset = Int(truncatingIfNeeded: written) & (storage.capacity - 1)
            let first = min(count, storage.capacity - offset)
            // Safety: offset + first <= capacity, and these bytes are free: the consumer has released them.
            (storage.bytes + offset).copyMemory(from: source, byteCount: first)
            if count > first {
                // Safety: the rest goes to the front; count <= free keeps it clear of unread bytes.
                storage.bytes.copyMemory(from: source + first, byteCount: count - first)
            }
            written += UInt64(count)
            // Releasing: the bytes above are visible to whoever sees this position.
            storage.writePosition.pointee.store(written, ordering: .releasing)
            return count
        }

        /// Makes the consumer skip, at its next access, all that was written until now and not yet read.
        /// What is written afterwards is untouched. The room becomes free when the consumer has skipped.
        public mutating func flush() {
            // Releasing: whoever sees the mark also sees the bytes below it, and may count them.
            storage.flushMark.pointee.store(written, ordering: .releasing)
        }
    }
}
