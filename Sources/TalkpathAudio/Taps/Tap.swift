import Synchronization

/// The reading end of one tap, with a ring of its own. For one thread at a time, and any thread but the media thread.
///
/// Nothing wakes the reader: poll it before the ring can fill up. The tap detaches itself when it goes out of scope.
public struct Tap: ~Copyable, Sendable {
    private let point: TapPoint
    private let index: Int
    private var consumer: ByteRing.Consumer
    /// Scratch memory for records that wrap around the ring's end.
    private var joined: [UInt8] = []

    /// Bytes of a record in the ring besides its payload.
    private static let headerCount = MemoryLayout<TapRecord>.size

    init(point: TapPoint, index: Int, consumer: consuming ByteRing.Consumer) {
        self.point = point
        self.index = index
        self.consumer = consumer
    }

    deinit {
        point.detach(index)
    }

    /// Bytes that can wait to be read, headers included.
    public var capacity: Int { consumer.capacity }

    /// Bytes that wait to be read now, headers included.
    public var readable: Int { consumer.readable }

    /// True when the writer is gone and everything has been read.
    public var isEnded: Bool {
        // Acquiring, and before the ring is read: then all records of a writer that is gone are visible.
        point.isOver.load(ordering: .acquiring) && consumer.readable == 0
    }

    /// Records lost because the ring was full, and the bytes of their payloads. Includes the latest losses, which no
    /// record may have reported yet.
    public var dropped: (records: UInt64, bytes: UInt64) {
        // Relaxed: these numbers order nothing. Safety: the slot exists as long as this tap is attached.
        (
            point.slots[index].droppedRecords.load(ordering: .relaxed),
            point.slots[index].droppedBytes.load(ordering: .relaxed)
        )
    }

    /// Passes the oldest record to `body`, then frees its place.
    ///
    /// The payload is lent for the call, mostly straight from the ring. If `body` throws, the record stays and the next
    /// call gets it again.
    /// - Returns: the result of `body`, or `nil` if there is no record now.
    public mutating func next<Result>(_ body: (TapRecord, RawSpan) throws -> Result) rethrows -> Result? {
        guard let record = header() else { return nil }
        let range = Self.headerCount..<Self.headerCount + Int(record.byteCount)
        var joined: [UInt8] = []
        swap(&joined, &self.joined)
        // If `body` throws, only the scratch memory is lost.
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

    /// The header of the oldest record. The writer publishes whole records, so where there is a header, the record is
    /// complete.
    private mutating func header() -> TapRecord? {
        consumer.withReadableSpans { head, tail in
            guard head.byteCount + tail.byteCount >= Self.headerCount else { return nil }
            return withUnsafeTemporaryAllocation(byteCount: Self.headerCount, alignment: 8) { bytes in
                let first = min(head.byteCount, Self.headerCount)
                guard let target = bytes.baseAddress else { return nil }
                // Safety: both parts together are one header, and the target has that size.
                head.withUnsafeBytes { ByteRing.Storage.copy($0.baseAddress!, to: target, count: first) }
                tail.withUnsafeBytes {
                    guard let source = $0.baseAddress else { return }
                    ByteRing.Storage.copy(source, to: target + first, count: Self.headerCount - first)
                }
                // Safety: the writer put a whole record there, which is a plain value without pointers.
                return bytes.load(as: TapRecord.self)
            }
        }
    }
}
