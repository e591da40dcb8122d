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
        _ = put(.finished, Self.nothing, leaving: 0)
    }

    // MARK: The ring

    private static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    private func writeEmpty(_ kind: CaptureRecord.Kind) { write(kind, Self.nothing) }

    private func write(_ kind: CaptureRecord.Kind, _ content: RawSpan) {
        content.withUnsafeBytes { write(kind, $0) }
    }

    private func write(_ kind: CaptureRecord.Kind, _ content: UnsafeRawBufferPointer) {
        guard !isFinished else { return }
        if missedRecords > 0 {
            // The note of a gap goes before the record, and only together with it.
            guard ring.writable >= content.count + Self.headerSize + Self.reserve else { return miss(content.count) }
            noteGap()
        }
        if !put(kind, content, leaving: Self.reserve) { miss(content.count) }
    }

    private func miss(_ count: Int) {
        missedRecords += 1
        missedBytes += count
        droppedRecords += 1
    }

    private func noteGap() {
        guard missedRecords > 0 else { return }
        withUnsafeBytes(of: (Int64(missedRecords), Int64(missedBytes))) { _ = put(.gap, $0, leaving: 0) }
        missedRecords = 0
        missedBytes = 0
    }

    /// In one step: the reader finds whole records only.
    /// - Returns: false if there is no room for it.
    private func put(_ kind: CaptureRecord.Kind, _ content: UnsafeRawBufferPointer, leaving reserve: Int) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: Self.headerSize, alignment: 8) { header in
            header.storeBytes(of: UInt32(Self.headerSize - 4 + content.count), as: UInt32.self)
            header.storeBytes(of: kind.rawValue, toByteOffset: 4, as: UInt8.self)
            header.storeBytes(of: instant.nanoseconds, toByteOffset: 5, as: Int64.self)
            return ring.writeWhole(UnsafeRawBufferPointer(header), content, leaving: reserve)
        }
    }
}

/// The other end of a ``CaptureTap``: takes records out of the ring, on the thread that writes them down.
package struct CaptureTapReader: ~Copyable, Sendable {
    private var ring: ByteRing.Consumer

    package init(ring: consuming ByteRing.Consumer) {
        self.ring = ring
    }

    /// Bytes that wait.
    package var waiting: Int { ring.readable }

    /// Hands over every record that is there, in place: what is handed over is valid within the call of `body` only.
    package mutating func drain(
        _ body: (_ kind: CaptureRecord.Kind, _ at: MonotonicInstant, _ content: RawSpan) -> Void
    ) {
        let taken = ring.withReadableSpans { front, back in
            guard !back.isEmpty else { return front.withUnsafeBytes { Self.read($0, body) } }
            // The ring wraps around, possibly within a record: hardly ever, for whenever it is empty it is begun anew.
            var whole = front.withUnsafeBytes { Array($0) }
            whole += back.withUnsafeBytes { Array($0) }
            return whole.withUnsafeBytes { Self.read($0, body) }
        }
        ring.skip(taken)
    }

    /// Of a gap: how many records did not fit.
    package static func recordsMissing(in gap: RawSpan) -> Int {
        gap.withUnsafeBytes { $0.count == 16 ? Int($0.loadUnaligned(as: Int64.self)) : 0 }
    }

    /// - Returns: the bytes of all records that are there whole.
    private static func read(
        _ bytes: UnsafeRawBufferPointer,
        _ body: (_ kind: CaptureRecord.Kind, _ at: MonotonicInstant, _ content: RawSpan) -> Void
    ) -> Int {
        var offset = 0
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
        return offset
    }
}
