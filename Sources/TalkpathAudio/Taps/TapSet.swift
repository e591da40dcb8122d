import Synchronization

/// Lets readers listen to a media path without affecting it: many readers, one ring each.
///
/// The path writes every chunk once, as a record. Each tap that wants its kind gets a copy in its own ring and reads it
/// on its own thread at any time. A full tap drops the record and counts it, and the next record that it accepts states
/// how much is missing before it. The writer never waits, locks or allocates, and a slow or dead tap does not affect
/// the others. Without taps a chunk costs one load.
///
///     media thread      writer.write(.callerAudio, at: now, bytes)      wait-free
///                            |            |           |
///                          ring         ring        ring
///                            |            |           |
///     other threads       recorder     listener    capture             tap.next { record, payload in … }
///
/// ```swift
/// let taps = TapSet()
/// var writer = taps.writer                       // to the media thread
/// let point = taps.point                         // to the code that attaches readers
///
/// var tap = try point.attach(.audio, minimumCapacity: 64 * 1024)
/// while !tap.isEnded {
///     while tap.next({ record, payload in file.append(payload, lost: record.lostBytes) }) != nil {}
///     try await clock.sleep(for: .milliseconds(100))
/// }
/// ```
@frozen
public struct TapSet: ~Copyable, Sendable {
    public var writer: TapWriter
    public let point: TapPoint

    /// - Parameter pool: the source of rings, and the place to return them to; without one, each tap has fresh memory.
    public init(pool: TapPool? = nil) {
        let point = TapPoint(pool: pool)
        self.point = point
        writer = TapWriter(point)
    }
}

/// The writing end of a ``TapSet``, on the media path. For one thread at a time; wait-free; allocates nothing.
///
/// When it goes away, every tap drains its remaining records and then reports its end.
public struct TapWriter: ~Copyable, Sendable {
    private let point: TapPoint
    /// The point's turn as of the last write; even between writes.
    private var turn: UInt64 = 0

    init(_ point: TapPoint) {
        self.point = point
    }

    /// True if any tap wants records of this kind. Ask it before making a payload that only taps need.
    public func wants(_ kind: TapKind) -> Bool {
        // Relaxed: a hint. A tap attached at the same moment may miss a record, as if it had been attached a moment
        // later.
        point.wanted.load(ordering: .relaxed) & TapKinds(kind).rawValue != 0
    }

    /// Writes a record to every tap that wants its kind.
    public mutating func write(_ kind: TapKind, at instant: MonotonicInstant, _ payload: RawSpan) {
        guard wants(kind) else { return }
        payload.withUnsafeBytes { payload in
            // Sequentially consistent, like the load after it: either this thread sees that a tap is detached, or the
            // detaching thread sees that this thread may access the tap's ring, and does not free it.
            point.turn.store(turn &+ 1, ordering: .sequentiallyConsistent)
            var attached = point.attached.load(ordering: .sequentiallyConsistent)
            while attached != 0 {
                // Safety: a slot is initialised before its bit is set. No other thread touches it while the bit is set
                // or this thread is writing.
                point.slots[attached.trailingZeroBitCount].offer(kind, instant, payload)
                attached &= attached - 1
            }
            // Releasing: the accesses to the slots are finished before another thread frees them.
            turn &+= 2
            point.turn.store(turn, ordering: .releasing)
        }
    }

    deinit {
        // Releasing: a tap that sees the end also sees all records.
        point.isOver.store(true, ordering: .releasing)
    }
}

/// The writer's half of one tap.
struct TapSlot: ~Copyable {
    private var producer: ByteRing.Producer
    private let kinds: TapKinds
    /// Losses since the last accepted record.
    private var lostRecords: UInt32 = 0
    private var lostBytes: UInt64 = 0
    /// Totals for readers. Only the writer changes them.
    let droppedRecords = Atomic<UInt64>(0)
    let droppedBytes = Atomic<UInt64>(0)

    init(_ producer: consuming ByteRing.Producer, _ kinds: TapKinds) {
        self.producer = producer
        self.kinds = kinds
    }

    /// The extent of the tap's memory that was written.
    var used: Int { producer.used }

    mutating func offer(_ kind: TapKind, _ instant: MonotonicInstant, _ payload: UnsafeRawBufferPointer) {
        guard kinds.contains(TapKinds(kind)) else { return }
        let record = TapRecord(
            instant: instant,
            lostBytes: lostBytes,
            lostRecords: lostRecords,
            byteCount: UInt32(truncatingIfNeeded: payload.count),
            kind: kind
        )
        // A ring is smaller than the 4 GiB that a record's length field can state, so it never accepts a larger
        // payload.
        if withUnsafeBytes(of: record, { producer.writeWhole($0, payload) }) {
            lostRecords = 0
            lostBytes = 0
        } else {
            lostRecords = lostRecords == .max ? .max : lostRecords + 1
            lostBytes += UInt64(payload.count)
            // Relaxed: these numbers order nothing.
            droppedRecords.wrappingAdd(1, ordering: .relaxed)
            droppedBytes.wrappingAdd(UInt64(payload.count), ordering: .relaxed)
        }
    }
}
