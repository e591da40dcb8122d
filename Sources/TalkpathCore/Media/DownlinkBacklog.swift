import TalkpathAudio
import TalkpathWire

/// Agent speech that has been generated but not yet sent to the caller, in the telephony leg's encoding.
///
/// Models speak a minute's answer in seconds, and their socket must never be paused, for the interruption travels on
/// it: so this is an unpaced store, a list of chunks, bounded in total. Chunks are allocated as speech comes faster
/// than real time and given back as it plays; a few are kept for reuse. Confined to the call's loop.
struct DownlinkBacklog: ~Copyable {
    /// A run of bytes of one item.
    struct Segment {
        var item: AgentItem
        var bytes: Int
        /// No more of this item will come.
        var isComplete: Bool
    }

    let limit: Int
    private(set) var byteCount = 0
    private var segments = FIFO<Segment>()

    private var chunks = FIFO<UnsafeMutableRawPointer>()
    private var spare: [UnsafeMutableRawPointer] = []
    /// Where the next byte is read, in the first chunk, and written, in the last.
    private var readOffset = 0
    private var writeOffset = 0

    private static let chunkBytes = 4096
    private static let spareChunks = 2

    init(limit: Int) {
        self.limit = limit
    }

    deinit {
        for chunk in chunks.elements { chunk.deallocate() }
        for chunk in spare { chunk.deallocate() }
    }

    var isEmpty: Bool { byteCount == 0 }

    /// The oldest run of bytes.
    var front: Segment? { segments.first }

    /// Adds what fits.
    /// - Returns: the bytes accepted.
    mutating func append(_ bytes: RawSpan, of item: AgentItem) -> Int {
        let accepted = min(bytes.byteCount, limit - byteCount)
        guard accepted > 0 else { return 0 }
        bytes.withUnsafeBytes { source in
            var copied = 0
            while copied < accepted {
                if chunks.isEmpty || writeOffset == Self.chunkBytes { addChunk() }
                let count = min(accepted - copied, Self.chunkBytes - writeOffset)
                // Safety: `count` bytes are left both in the source and in the last chunk.
                (chunks.last! + writeOffset).copyMemory(from: source.baseAddress! + copied, byteCount: count)
                writeOffset += count
                copied += count
            }
        }
        byteCount += accepted
        if let last = segments.last, last.item == item, !last.isComplete {
            segments.last = Segment(item: item, bytes: last.bytes + accepted, isComplete: false)
        } else {
            segments.append(Segment(item: item, bytes: accepted, isComplete: false))
        }
        return accepted
    }

    /// Notes that nothing follows for this item.
    mutating func complete(_ item: AgentItem) {
        if var last = segments.last, last.item == item {
            last.isComplete = true
            segments.last = last
        }
    }

    /// Moves the oldest `count` bytes to `target`; they must be of the front segment.
    mutating func take(_ count: Int, into target: UnsafeMutableRawBufferPointer) {
        guard var front = segments.first, count > 0, count <= front.bytes, count <= target.count else { return }
        var copied = 0
        while copied < count {
            let part = min(count - copied, Self.chunkBytes - readOffset)
            // Safety: the byte count kept above says that these bytes were written, in this chunk and the next ones.
            (target.baseAddress! + copied).copyMemory(from: chunks.first! + readOffset, byteCount: part)
            readOffset += part
            copied += part
            if readOffset == Self.chunkBytes { dropChunk() }
        }
        byteCount -= count
        front.bytes -= count
        if front.bytes == 0 {
            segments.popFirst()
        } else {
            segments.first = front
        }
        if byteCount == 0 { removeAll() }
    }

    /// All runs, oldest first; makes a copy.
    var allSegments: [Segment] { segments.elements }

    /// Forgets all but the runs to be kept. Allocates if there are any.
    mutating func removeAll(but isKept: (AgentItem) -> Bool) {
        var kept: [(segment: Segment, bytes: [UInt8])] = []
        if segments.elements.contains(where: { isKept($0.item) }) {
            while let segment = front {
                var bytes = [UInt8](repeating: 0, count: segment.bytes)
                bytes.withUnsafeMutableBytes { take(segment.bytes, into: $0) }
                if isKept(segment.item) { kept.append((segment, bytes)) }
            }
        }
        removeAll()
        for (segment, bytes) in kept {
            _ = append(bytes.span.bytes, of: segment.item)
            if segment.isComplete { complete(segment.item) }
        }
    }

    /// Forgets everything.
    mutating func removeAll() {
        while !chunks.isEmpty { dropChunk() }
        segments.removeAll()
        byteCount = 0
        readOffset = 0
        writeOffset = 0
    }

    private mutating func addChunk() {
        chunks.append(
            spare.popLast() ?? .allocate(byteCount: Self.chunkBytes, alignment: MemoryLayout<UInt64>.alignment)
        )
        writeOffset = 0
    }

    private mutating func dropChunk() {
        readOffset = 0
        guard let chunk = chunks.popFirst() else { return }
        if spare.count < Self.spareChunks {
            spare.append(chunk)
        } else {
            chunk.deallocate()
        }
    }
}
