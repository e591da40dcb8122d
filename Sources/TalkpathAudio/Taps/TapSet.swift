import Synchronization

/// Lets others listen to a media path without being noticed by it: many consumers, one ring each.
///
/// The path writes every chunk once, as a record; each tap that wants its kind gets a copy in its own ring and reads it
/// on its own thread, whenever it likes. A full tap drops the record and counts it, and the next one it accepts tells
/// how much is missing before it; the writer never waits, locks or allocates, and a tap that is slow or dead changes
/// nothing for the others. While nobody listens, a chunk costs one load.
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
/// let point = taps.point                         // to whoever lets others listen
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

    /// - Parameter pool: where rings come from and go to; without one each tap has fresh memory.
    public init(pool: TapPool? = nil) {
        let point = TapPoint(pool: pool)
        self.point = point
        writer = TapWriter(point)
    }
}

/// The media path's end of a ``TapSet``. For one thread at a time; wait-free; allocates nothing.
///
/// Its end is the end of every tap: they drain what they have, and are told.
public struct TapWriter: ~Copyable, Sendable {
    private let point: TapPoint
    /// As in the point: even between writes.
    private var turn: UInt64 = 0

    init(_ point: TapPoint) {
        self.point = point
    }

    /// Whether anybody listens to records of this kind: for those that would have to be made first.
    public func wants(_ kind: TapKind) -> Bool {
        // Relaxed: a hint. Who attaches a moment later misses a record, as if it had come a moment later still.
        point.wanted.load(ordering: .relaxed) & TapKinds(kind).rawValue != 0
    }

    /// Hands a record to every tap that wants its kind.
    public mutating func write(_ kind: TapKind, at instant: MonotonicInstant, _ payload: RawSpan) {
        guard wants(kind) else { return }
        payload.withUnsafeBytes { payload in
            // Sequentially consistent, as the load that follows: either this thread sees that a tap is detached, or
            // whoever detaches it sees that this thread may be at its ring, and lets it be.
            point.turn.store(turn &+ 1, ordering: .sequentiallyConsistent)
            var attached = point.attached.load(ordering: .sequentiallyConsistent)
            while attached != 0 {
                // Safety: a slot is initialised before its bit is set, and not touched by others while it is set or
                // this thread is writing.
                point.slots[attached.trailingZeroBitCount].offer(kind, instant, payload)
                attached &= attached - 1
            }
            // Releasing: what was done to the slots is done before somebody takes them away.
            turn &+= 2
            point.turn.store(turn, ordering: .releasing)
        }
    }

    deinit {
        // Releasing: all records are visible to a tap that sees the end.
        point.isOver.store(true, ordering: .releasing)
    }
}

/// The writer's half of one tap.
struct TapSlot: ~Copyable {
    private var producer: ByteRing.Producer
    private let kinds: TapKinds
    /// What was lost since the last record that was accepted.
    private var lostRecords: UInt32 = 0
    private var lostBytes: UInt64 = 0
    /// Totals, for whoever asks. Only the writer changes them.
    let droppedRecords = Atomic<UInt64>(0)
    let droppedBytes = Atomic<UInt64>(0)

    init(_ producer: consuming ByteRing.Producer, _ kinds: TapKinds) {
        self.producer = producer
        self.kinds = kinds
    }

    /// How far the tap's memory was written to.
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
        // A ring holds less than the 4 GiB that a record's length can tell, so a longer one is never accepted.
        if withUnsafeBytes(of: record, { producer.writeWhole($0, payload) }) {
            lostRecords = 0
            lostBytes = 0
        } else {
            lostRecords = lostRecords == .max ? .max : lostRecords + 1
            lostBytes += UInt64(payload.count)
            // Relaxed: numbers to look at, which order nothing.
            droppedRecords.wrappingAdd(1, ordering: .relaxed)
            droppedBytes.wrappingAdd(UInt64(payload.count), ordering: .relaxed)
        }
    }
}
