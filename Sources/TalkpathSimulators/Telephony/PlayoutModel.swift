public import TalkpathAudio

/// The carrier's queue of audio, which is played to the caller in real time, with marks in it.
///
/// Sans-IO. Time stands on a grid of 20 ms from the stream's start. At each point of the grid the frame in play ends,
/// the marks behind it are echoed, and up to 160 bytes of the queue begin to play; what is missing of them is silence.
/// So audio that comes into an empty queue is heard from the next point of the grid on, as a mixer would do it.
public struct PlayoutModel: Sendable {
    /// The fate of an element of the queue.
    public enum Echo: Sendable, Hashable {
        /// The audio before the mark has been played.
        case played(mark: String)
        /// The mark was thrown out by a clear. On the wire it looks like ``played(mark:)``.
        case cleared(mark: String)

        public var mark: String {
            switch self {
            case .played(let mark), .cleared(let mark): mark
            }
        }
    }

    /// A point of the grid: the bytes handed to the ear from this instant on.
    public struct Frame: Sendable {
        public var instant: MonotonicInstant
        /// 160 bytes of µ-law.
        public var audio: [UInt8]
        /// The number of them that came from the queue.
        public var queuedBytes: Int
    }

    /// Ten minutes: what exceeds it is thrown away (error 31931).
    public static let maximumQueuedBytes = 10 * 60 * 8000
    public static let frameBytes = AudioFormat.telephony.frameBytes
    public static let grid = Duration.milliseconds(AudioFormat.frameMilliseconds)

    public let start: MonotonicInstant
    /// All that was heard, µ-law at 8 kHz from the stream's start on, silence where nothing played. Empty if not kept.
    public private(set) var heard: [UInt8] = []
    /// Bytes of the queue that were played, without the silence between.
    public private(set) var playedBytes = 0
    /// Bytes thrown away because the queue was full.
    public private(set) var overflowedBytes = 0
    /// Bytes thrown away by clears.
    public private(set) var clearedBytes = 0

    private let keepsHeard: Bool
    private var nextPoint: MonotonicInstant
    private var queue: [UInt8] = []
    private var queueHead = 0
    /// Positions count all bytes ever queued; a clear skips to the end.
    private var enqueued = 0
    private var taken = 0
    /// Bytes of `taken` whose frame is over.
    private var finished = 0
    private var marks: [(name: String, position: Int)] = []

    /// - Parameter keepsHeard: true if ``heard`` is recorded: 8 kB a second.
    public init(start: MonotonicInstant, keepsHeard: Bool = true) {
        self.start = start
        self.keepsHeard = keepsHeard
        nextPoint = start
    }

    /// Audio that waits, in bytes.
    public var queuedBytes: Int { queue.count - queueHead }

    /// Marks that were not echoed yet.
    public var pendingMarks: Int { marks.count }

    /// Audio in the queue or in play: whether a clear would change what is heard, or has just done so.
    public var isPlaying: Bool { finished < enqueued }

    /// The instant at which the next frame begins.
    public var nextFrame: MonotonicInstant { nextPoint }

    /// The ear's position in the stream.
    public var position: Duration { nextPoint - start }

    /// Queues audio. First call ``advance(to:_:)``.
    /// - Returns: false if some of it did not fit and was thrown away.
    public mutating func receive(media: [UInt8]) -> Bool {
        let room = max(0, Self.maximumQueuedBytes - queuedBytes)
        let accepted = min(room, media.count)
        overflowedBytes += media.count - accepted
        queue.append(contentsOf: media.prefix(accepted))
        enqueued += accepted
        return accepted == media.count
    }

    /// Queues a mark. First call ``advance(to:_:)``.
    /// - Returns: the echo, if nothing stands before it.
    public mutating func receive(mark: String) -> Echo? {
        if finished >= enqueued, marks.isEmpty { return .played(mark: mark) }
        marks.append((mark, enqueued))
        return nil
    }

    /// Empties the queue. The frame in play is heard to its end. First call ``advance(to:_:)``.
    /// - Returns: the echoes of all marks that waited.
    public mutating func clear() -> [Echo] {
        clearedBytes += queuedBytes
        queue.removeAll(keepingCapacity: queue.capacity < 1 << 20)
        queueHead = 0
        // The frame in play is not waited for by anything that comes later.
        enqueued = taken
        finished = taken
        defer { marks.removeAll() }
        return marks.map { .cleared(mark: $0.name) }
    }

    /// Plays until `now`, point by point.
    /// - Parameter visit: called for every point of the grid, with the frame that begins there and the echoes due.
    public mutating func advance(to now: MonotonicInstant, _ visit: (Frame, [Echo]) -> Void) {
        while nextPoint <= now {
            finished = taken
            let due = marks.prefix { $0.position <= finished }.map { Echo.played(mark: $0.name) }
            marks.removeFirst(due.count)
            let frame = nextFrameAudio()
            if keepsHeard { heard.append(contentsOf: frame.audio) }
            visit(frame, due)
            nextPoint += Self.grid
        }
    }

    private mutating func nextFrameAudio() -> Frame {
        let count = min(Self.frameBytes, queuedBytes)
        var audio = Array(queue[queueHead..<queueHead + count])
        audio.append(contentsOf: repeatElement(MuLaw.silence, count: Self.frameBytes - count))
        queueHead += count
        taken += count
        playedBytes += count
        if queueHead == queue.count {
            queue.removeAll(keepingCapacity: queue.capacity < 1 << 20)
            queueHead = 0
        } else if queueHead > 1 << 16 {
            queue.removeFirst(queueHead)
            queueHead = 0
        }
        return Frame(instant: nextPoint, audio: audio, queuedBytes: count)
    }
}
