import Synchronization

extension ByteRing {
    /// The reading side of a ``ByteRing``. For one thread at a time; wait-free; allocates nothing.
    public struct Consumer: ~Copyable, Sendable {
        private let storage: Storage
        private var taken: UInt64 = 0
        /// The producer's position as last read; read again only when the ring looks too empty.
        private var seenWritten: UInt64 = 0

        /// Bytes that this side skipped because of the producer's flushes, since the ring was made.
        public private(set) var flushedBytes: UInt64 = 0

        init(_ storage: Storage) {
            self.storage = storage
        }

        /// Bytes the ring can hold.
        public var capacity: Int { storage.capacity }

        /// Bytes read, skipped or flushed since the ring was made.
        public var position: UInt64 { taken }

        /// Bytes that a read would find now. The producer may add more at any time; only a flush takes some away.
        public var readable: Int {
            // Acquiring: pairs with the producer's releasing stores. The mark is read first, so it cannot lie beyond
            // the write position read after it.
            let mark = storage.flushMark.pointee.load(ordering: .acquiring)
            let written = storage.writePosition.pointee.load(ordering: .acquiring)
            return Int(written - max(taken, mark))
        }

        /// True once the producer has finished and all of its bytes have been read or flushed.
        public var isFinished: Bool {
            // Acquiring, and read first: a byte that was written before the end is then counted as readable.
            storage.finished.pointee.load(ordering: .acquiring) == 1 && readable == 0
        }

        /// Moves bytes out of the ring until it is empty or `target` is full.
        /// - Returns: the number of bytes copied to the front of `target`.
        public mutating func read(into target: inout MutableSpan<UInt8>) -> Int {
            target.withUnsafeMutableBytes { read(into: $0) }
        }

        /// Reads into memory that is not a span; otherwise equal to `read(into:)` with a span.
        public mutating func read(into target: UnsafeMutableRawBufferPointer) -> Int {
            let count = min(available(atLeast: target.count), target.count)
            guard count > 0, let destination = target.baseAddress else { return 0 }
            let (offset, first) = place(count)
            // Safety: these bytes lie below the write position, which was read acquiring, so they are written. The
            // producer does not touch them until the store in `advance` releases them.
            Storage.copy(storage.bytes + offset, to: destination, count: first)
            if count > first {
                // Safety: the rest is at the front of the ring, under the same rule.
                Storage.copy(storage.bytes, to: destination + first, count: count - first)
            }
            advance(count)
            return count
        }

        /// Lends the readable bytes in place. The second span is empty unless the ring wraps around.
        ///
        /// Consumes nothing. Release the used bytes with ``skip(_:)``, which counts from the first byte lent here even
        /// if a flush came in between.
        public mutating func withReadableSpans<Result: ~Copyable>(
            _ body: (RawSpan, RawSpan) throws -> Result
        ) rethrows -> Result {
            let count = available(atLeast: storage.capacity)
            let (offset, first) = place(count)
            // Safety: the bytes are written (see `read`) and stay so while lent, because only this side releases them.
            let head = UnsafeRawBufferPointer(start: storage.bytes + offset, count: first)
            let tail = UnsafeRawBufferPointer(start: storage.bytes, count: count - first)
            return try body(head.bytes, tail.bytes)
        }

        /// Drops up to `count` bytes from ``position`` on.
        /// - Returns: the number of bytes dropped.
        @discardableResult
        public mutating func skip(_ count: Int) -> Int {
            // Ignores the flush mark until the next read: a caller that skips lent bytes means those bytes, not as many
            // after a mark that was set meanwhile.
            if seenWritten - taken < UInt64(max(0, count)) {
                // Acquiring: pairs with the producer's releasing store of its position.
                seenWritten = storage.writePosition.pointee.load(ordering: .acquiring)
            }
            let dropped = min(Int(seenWritten - taken), max(0, count))
            if dropped > 0 { advance(dropped) }
            return dropped
        }

        /// Drops all bytes that are readable now.
        /// - Returns: the number of bytes dropped.
        @discardableResult
        public mutating func skipAll() -> Int {
            skip(available(atLeast: storage.capacity))
        }

        /// Carries out a flush, then returns the number of readable bytes. Reads the producer's position only if
        /// `wanted` needs it.
        private mutating func available(atLeast wanted: Int) -> Int {
            // Acquiring: the bytes below the mark are written, so the mark is as good as a write position.
            let mark = storage.flushMark.pointee.load(ordering: .acquiring)
            if mark > taken {
                seenWritten = max(seenWritten, mark)
                flushedBytes += mark - taken
                advance(Int(mark - taken))
            }
            if seenWritten - taken < UInt64(wanted) {
                // Acquiring: pairs with the producer's releasing store, so the bytes below are visible.
                seenWritten = storage.writePosition.pointee.load(ordering: .acquiring)
            }
            return Int(seenWritten - taken)
        }

        private func place(_ count: Int) -> (offset: Int, first: Int) {
            // Relaxed: if there are bytes to read, the write position that covers them was read acquiring, and was
            // stored after the origin that it belongs to. The producer changes the origin again only when everything
            // has been read.
            let origin = storage.origin.pointee.load(ordering: .relaxed)
            let offset = storage.offset(of: taken, from: origin)
            return (offset, min(count, storage.capacity - offset))
        }

        private mutating func advance(_ count: Int) {
            taken += UInt64(count)
            // Releasing: reading is finished before the producer can see the room as free.
            storage.readPosition.pointee.store(taken, ordering: .releasing)
        }
    }
}
