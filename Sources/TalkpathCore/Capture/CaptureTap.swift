package import TalkpathAudio
import TalkpathWire

/// Where a call leaves what comes in, what goes out and what happens, for another thread to write down.
///
/// On the call's loop. Everything is copied into a ring as it stands: nothing is parsed, encoded or waited for here. A
/// record that does not fit is left out and counted, and the next one that fits is preceded by a note of the gap. Without
/// a tap a call pays one comparison a message.
///
/// In the ring: the length of what follows (32 bits), the kind (8), the instant in nanoseconds (64), the content; in the
/// machine's own byte order, for ``CaptureTapReader`` in the same process.
package final class CaptureTap {
    private var ring: ByteRing.Producer
    /// Of the last thing that came in: what goes out goes out because of it.
    private var instant: MonotonicInstant
    private var isFinished = false

    /// Since the last record that fitted.
    private var missedRecords = 0
    private var missedBytes = 0
    /// Records left out since the call began.
    package private(set) var droppedRecords = 0

    /// Kept free for the note of a gap and for the last record.
    private static let reserve = 2 * (headerSize + 16)
    static let headerSize = 13

    /// What a ring for one call's tap should hold: some seconds of audio both ways, or one answer that comes at once.
    package static let ringCapacity = 1 << 20

    /// - Parameter instant: when the call began.
    package init(ring: consuming ByteRing.Producer, from instant: MonotonicInstant) {
        self.ring = ring
        self.instant = instant
    }

    // MARK: On the media path

    package func telephonyReceived(_ message: RawSpan, at now: MonotonicInstant) {
        instant = now
        write(.telephonyIn, message)
    }

    package func agentReceived(_ message: RawSpan, at now: MonotonicInstant) {
        instant = now
        write(.agentIn, message)
    }

    func ticked(at now: MonotonicInstant) {
        instant = now
        writeEmpty(.tick)
    }

    /// What has happened on the media plane is about to be taken.
    func noting() { writeEmpty(.note) }

    /// The messages that are about to be handed to the sockets.
    func pumping() { writeEmpty(.pump) }

    func telephonySent(_ message: RawSpan) { write(.telephonyOut, message) }

    func agentSent(_ message: RawSpan) { write(.agentOut, message) }

    // MARK: Happenings

    /// - Parameter now: nil for what came of the last thing that came in: it belongs to that instant.
    func note(_ happening: CaptureHappening, at now: MonotonicInstant?) {
        if let now { instant = now }
        let text = happening.json.serialized()
        write(.happening, text.span.bytes)
    }

    /// Nothing comes any more.
    func finish() {
        guard !isFinished else { return }
        noteGap()
        isFinished = true
        put(.finished, count: 0)
    }

    // MARK: The ring

    private func writeEmpty(_ kind: CaptureRecord.Kind) {
        guard hasRoom(for: 0) else { return }
        put(kind, count: 0)
    }

    private func write(_ kind: CaptureRecord.Kind, _ content: RawSpan) {
        guard hasRoom(for: content.byteCount) else { return }
        put(kind, count: content.byteCount)
        _ = ring.write(content)
    }

    private func hasRoom(for count: Int) -> Bool {
        guard !isFinished else { return false }
        guard ring.writable >= count + Self.headerSize + Self.reserve else {
            missedRecords += 1
            missedBytes += count
            droppedRecords += 1
            return false
        }
        if missedRecords > 0 { noteGap() }
        return true
    }

    private func noteGap() {
        guard missedRecords > 0 else { return }
        put(.gap, count: 16)
        withUnsafeBytes(of: (Int64(missedRecords), Int64(missedBytes))) { _ = ring.write($0) }
        missedRecords = 0
        missedBytes = 0
    }

    private func put(_ kind: CaptureRecord.Kind, count: Int) {
        withUnsafeTemporaryAllocation(byteCount: Self.headerSize, alignment: 8) { header in
            header.storeBytes(of: UInt32(Self.headerSize - 4 + count), as: UInt32.self)
            header.storeBytes(of: kind.rawValue, toByteOffset: 4, as: UInt8.self)
            header.storeBytes(of: instant.nanoseconds, toByteOffset: 5, as: Int64.self)
            _ = ring.write(UnsafeRawBufferPointer(header))
        }
    }
}

/// The other end of a ``CaptureTap``: takes records out of the ring, on the thread that writes them down.
package struct CaptureTapReader: ~Copyable, Sendable {
    private var ring: ByteRing.Consumer
    private var buffer: [UInt8] = []

    package init(ring: consuming ByteRing.Consumer) {
        self.ring = ring
    }

    /// Bytes that wait.
    package var waiting: Int { ring.readable }

    /// Hands over every record that is there whole.
    package mutating func drain(
        _ body: (_ kind: CaptureRecord.Kind, _ at: MonotonicInstant, _ content: RawSpan) -> Void
    ) {
        let waiting = ring.readable
        guard waiting > 0 else { return }
        let kept = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: waiting))
        let read = buffer.withUnsafeMutableBytes { memory in
            ring.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[kept...]))
        }
        buffer.removeLast(waiting - read)
        var offset = 0
        buffer.withUnsafeBytes { bytes in
            while bytes.count - offset >= CaptureTap.headerSize {
                let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
                guard bytes.count - offset >= 4 + length else { break }
                let kind = CaptureRecord.Kind(rawValue: bytes[offset + 4])
                let instant = bytes.loadUnaligned(fromByteOffset: offset + 5, as: Int64.self)
                let content = bytes[(offset + CaptureTap.headerSize)..<(offset + 4 + length)]
                if let kind {
                    body(kind, MonotonicInstant(nanoseconds: instant), UnsafeRawBufferPointer(rebasing: content).bytes)
                }
                offset += 4 + length
            }
        }
        buffer.removeFirst(offset)
    }
}
