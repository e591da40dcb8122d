import TalkpathAudio
import TalkpathWire

/// Agent speech that was generated but not yet sent to the caller, in the telephony leg's encoding.
///
/// A model speaks a minute's answer in seconds. Its socket must never be paused, because the interruption arrives on
/// it. So this store is not paced: it is a list of chunks with a total limit. It allocates chunks while speech arrives
/// faster than real time, frees them as the speech plays, and keeps a few for reuse. Confined to the call's loop.
struct DownlinkBacklog: ~Copyable {
    /// A run of bytes of one item.
    struct Segment {
        var item: AgentItem
        var bytes: Int
        /// True if no more audio of this item will come.
        var isComplete: Bool
    }

    let limit: Int
    private(set) var byteCount = 0
    private var segments = FIFO<Segment>()

    private var chunks = FIFO<UnsafeMutableRawPointer>()
    private var spare: [UnsafeMutableRawPointer] = []
    /// The offset of the next read in the first chunk, and of the next write in the last one.
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

    /// Appends as many bytes as fit.
    /// - Returns: the number of bytes accepted.
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

    /// Marks the item as complete: no more audio of it follows.
    mutating func complete(_ item: AgentItem) {
        if var last = segments.last, last.item == item {
            last.isComplete = true
            segments.last = last
        }
    }

    /// Moves the oldest `count` bytes to `target`; they must belong to the front segment.
    mutating func take(_ count: Int, into target: UnsafeMutableRawBufferPointer) {
        guard var front = segments.first, count > 0, count <= front.bytes, count <= target.count else { return }
        var copied = 0
        while copied < count {
            let part = min(count - copied, Self.chunkBytes - readOffset)
            // Safety: the byte count proves that these bytes were written, in this chunk and the following ones.
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

    /// All segments, oldest first; makes a copy.
    var allSegments: [Segment] { segments.elements }

    /// Drops every segment but those to keep. Allocates if there are any to keep.
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

    /// Drops everything.
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
