import Synchronization

/// The reading end of one tap: its own ring, for one thread at a time, any but the media thread.
///
/// Nothing wakes it: look again after a while that the ring lasts for. Detaches itself when it goes out of scope.
public struct Tap: ~Copyable, Sendable {
    private let point: TapPoint
    private let index: Int
    private var consumer: ByteRing.Consumer
    /// For records that wrap around the ring's end.
    private var joined: [UInt8] = []

    /// What a record takes in the ring besides its payload.
    private static let headerCount = MemoryLayout<TapRecord>.size

    init(point: TapPoint, index: Int, consumer: consuming ByteRing.Consumer) {
        self.point = point
        self.index = index
        self.consumer = consumer
    }

    deinit {
        point.detach(index)
    }

    /// Bytes that may wait to be read, headers included.
    public var capacity: Int { consumer.capacity }

    /// Bytes that wait to be read, headers included.
    public var readable: Int { consumer.readable }

    /// The writer is gone and everything is read.
    public var isEnded: Bool {
        // Acquiring, and before the ring is looked at: all records of a writer that is gone are visible then.
        point.isOver.load(ordering: .acquiring) && consumer.readable == 0
    }

    /// Records that were lost because the ring was full, and their payloads' bytes; the last of them may not have been
    /// told by a record yet.
    public var dropped: (records: UInt64, bytes: UInt64) {
        // Relaxed: numbers to look at. Safety: the slot stays while this tap is attached.
        (
            point.slots[index].droppedRecords.load(ordering: .relaxed),
            point.slots[index].droppedBytes.load(ordering: .relaxed)
        )
    }

    /// Hands the oldest record to `body`, then frees its place.
    ///
    /// The payload is lent for the call, mostly straight from the ring. If `body` throws, the record stays and comes
    /// again.
    /// - Returns: what `body` returns, or nil if there is no record now.
    public mutating func next<Result>(_ body: (TapRecord, RawSpan) throws -> Result) rethrows -> Result? {
        guard let record = header() else { return nil }
        let range = Self.headerCount..<Self.headerCount + Int(record.byteCount)
        var joined: [UInt8] = []
        swap(&joined, &self.joined)
        // A throwing body costs no more than this memory.
        let result = try consumer.withReadableSpans { head, tail in
            if range.upperBound <= head.byteCount {
                return try body(record, head.extracting(range))
            }
            if range.lowerBound >= head.byteCount {
                let shift = head.byteCount
                return try body(record, tail.extracting(range.lowerBound - shift..<range.upperBound - shift))
            }
            joined.removeAll(keepingCapacity: true)
            head.extracting(range.lowerBound..<head.byteCount).withUnsafeBytes { joined.append(contentsOf: $0) }
            tail.extracting(0..<range.upperBound - head.byteCount).withUnsafeBytes { joined.append(contentsOf: $0) }
            return try body(record, joined.span.bytes)
        }
        self.joined = joined
        consumer.skip(range.upperBound)
        return result
    }

    /// The header of the oldest record. Records become readable as wholes, so where there is one, there is all of it.
    private mutating func header() -> TapRecord? {
        consumer.withReadableSpans { head, tail in
            guard head.byteCount + tail.byteCount >= Self.headerCount else { return nil }
            return withUnsafeTemporaryAllocation(byteCount: Self.headerCount, alignment: 8) { bytes in
                let first = min(head.byteCount, Self.headerCount)
                guard let target = bytes.baseAddress else { return nil }
                // Safety: both parts together are a header, and so large is the target.
                head.withUnsafeBytes { ByteRing.Storage.copy($0.baseAddress!, to: target, count: first) }
                tail.withUnsafeBytes {
                    guard let source = $0.baseAddress else { return }
                    ByteRing.Storage.copy(source, to: target + first, count: Self.headerCount - first)
                }
                // Safety: the writer put a whole record there, a plain value without pointers.
                return bytes.load(as: TapRecord.self)
            }
        }
    }
}
