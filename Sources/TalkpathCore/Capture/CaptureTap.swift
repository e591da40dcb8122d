package import TalkpathAudio
import TalkpathWire

/// Copies a call's input, output and events into a ring, for another thread to write to a file.
///
/// On the call's loop. It copies everything as it is, and parses, encodes and waits for nothing. A record that does not
/// fit is left out and counted, and a record of the gap precedes the next one that fits. Without a tap a call pays one
/// comparison for each message.
///
/// A record in the ring: the length of the rest (32 bits), the kind (8 bits), the instant in nanoseconds (64 bits), the
/// content. The byte order is the machine's, because ``CaptureTapReader`` runs in the same process.
package final class CaptureTap {
    private var ring: ByteRing.Producer
    /// The instant of the latest input. Output gets it too, because the input caused it.
    private var instant: MonotonicInstant
    private var isFinished = false

    /// Losses since the last record that fitted.
    private var missedRecords = 0
    private var missedBytes = 0
    /// Records left out since the call began.
    package private(set) var droppedRecords = 0

    /// Room in bytes that stays free for a gap record and for the last record.
    private static let reserve = 2 * (headerSize + 16)
    static let headerSize = 13

    /// The ring size in bytes for one call: some seconds of audio both ways, or one answer that arrives all at once.
    package static let ringCapacity = 1 << 20

    /// - Parameter instant: the start of the call.
    package init(ring: consuming ByteRing.Producer, from instant: MonotonicInstant) {
        self.ring = ring
        self.instant = instant
    }

    // MARK: On the media path

    package func telephonyReceived(_ message: RawSpan, at now: MonotonicInstant) {
        instant = now
        write(.telephonyIn, message)
    }

    package func agentReceived(_ message: RawSpan, isAudio: Bool = false, at now: MonotonicInstant) {
        instant = now
        write(isAudio ? .agentAudioIn : .agentIn, message)
    }

    func ticked(at now: MonotonicInstant) {
        instant = now
        writeEmpty(.tick)
    }

    /// Records that the session takes over the media plane's events.
    func noting() { writeEmpty(.note) }

    /// Records that the waiting messages are being handed to the sockets.
    func pumping() { writeEmpty(.pump) }

    func telephonySent(_ message: RawSpan) { write(.telephonyOut, message) }

    func agentSent(_ message: RawSpan, isAudio: Bool = false) { write(isAudio ? .agentAudioOut : .agentOut, message) }

    // MARK: Events

    /// - Parameter now: `nil` for a result of the latest input, which gets that input's instant.
    func note(_ event: CaptureEvent, at now: MonotonicInstant?) {
        if let now { instant = now }
        let text = event.json.serialized()
        write(.event, text.span.bytes)
    }

    /// Writes the last record; nothing follows.
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
            // The gap record goes before the next record, and only together with it.
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

    /// Writes a record in one step, so that the reader finds only whole records.
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

/// The reading end of a ``CaptureTap``, for the thread that writes the file.
package struct CaptureTapReader: ~Copyable, Sendable {
    private var ring: ByteRing.Consumer

    package init(ring: consuming ByteRing.Consumer) {
        self.ring = ring
    }

    /// Bytes that wait to be read.
    package var waiting: Int { ring.readable }

    /// Passes every waiting record to `body`, in place. The content is valid only during that call.
    package mutating func drain(
        _ body: (_ kind: CaptureRecord.Kind, _ at: MonotonicInstant, _ content: RawSpan) -> Void
    ) {
        let taken = ring.withReadableSpans { front, back in
            guard !back.isEmpty else { return front.withUnsafeBytes { Self.read($0, body) } }
            // The ring wraps around, possibly within a record. That is rare, because an empty ring returns to its
            // front.
            var whole = front.withUnsafeBytes { Array($0) }
            whole += back.withUnsafeBytes { Array($0) }
            return whole.withUnsafeBytes { Self.read($0, body) }
        }
        ring.skip(taken)
    }

    /// The number of records that a gap record reports as missing.
    package static func recordsMissing(in gap: RawSpan) -> Int {
        gap.withUnsafeBytes { $0.count == 16 ? Int($0.loadUnaligned(as: Int64.self)) : 0 }
    }

    /// - Returns: the bytes of all complete records.
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
