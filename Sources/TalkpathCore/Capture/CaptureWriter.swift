package import TalkpathAudio
import TalkpathWire

/// Writes a capture file while the call runs. Sans-IO: every call appends the next bytes of the file.
///
/// It never changes written bytes, so the file of a process that died is a capture up to that moment. Not for the media
/// thread: it parses, and it allocates.
package struct CaptureWriter: Sendable {
    private let origin: MonotonicInstant
    private var last: Int64 = 0
    private var redaction: CaptureRedaction
    private let facts: CaptureMetadata
    /// True to keep only digests of the audio sent to the model.
    private let isSlim: Bool

    /// - Parameter isSlim: keeps only digests of the audio sent to the model, which derives from the caller's audio.
    ///   The file is a fourth of the size. It shows that a replay differs, but not by how much.
    package init(_ facts: CaptureMetadata, isSlim: Bool = false) {
        self.facts = facts
        self.isSlim = isSlim
        origin = facts.startedOn
        redaction = CaptureRedaction(secrets: facts.secrets)
    }

    /// Writes the first bytes of the file.
    package mutating func begin(into file: inout [UInt8]) {
        file += CaptureFormat.magic
        file.append(varint: UInt64(CaptureFormat.version))
        let json = redaction.clean(facts.json.serialized())
        write(.facts, at: 0, into: &file) { $0 += json }
    }

    /// Makes a record from a tap's record, with secrets removed.
    package mutating func record(
        _ kind: CaptureRecord.Kind,
        at instant: MonotonicInstant,
        content: RawSpan
    ) -> CaptureRecord? {
        let at = Duration.nanoseconds(instant.nanoseconds - origin.nanoseconds)
        switch kind {
        case .telephonyIn, .telephonyOut, .agentIn, .agentOut:
            return CaptureRecord(kind, at: at, .message(redaction.clean(CaptureMessage(content), kind)))
        case .agentAudioIn, .agentAudioOut:
            let audio = content.withUnsafeBytes { Array($0) }
            return CaptureRecord(kind, at: at, .message(CaptureMessage(prefix: [], audio: .bytes(audio))))
        case .event:
            let text = redaction.clean(content.withUnsafeBytes { Array($0) })
            guard let json = try? JSONValue(parsing: text) else { return nil }
            return CaptureEvent(json: json).map { CaptureRecord(kind, at: at, .event($0)) }
        case .gap:
            let (records, bytes) = content.withUnsafeBytes { bytes in
                guard bytes.count == 16 else { return (Int64(0), Int64(0)) }
                return (bytes.loadUnaligned(as: Int64.self), bytes.loadUnaligned(fromByteOffset: 8, as: Int64.self))
            }
            return CaptureRecord(kind, at: at, .gap(records: Int(records), bytes: Int(bytes)))
        case .tick, .pump, .note, .finished:
            return CaptureRecord(kind, at: at)
        case .facts:
            return nil
        }
    }

    /// Appends one record to the file.
    package mutating func append(_ record: CaptureRecord, into file: inout [UInt8]) {
        let at = record.at.wholeNanoseconds
        switch record.content {
        case .none: write(record.kind, at: at, into: &file) { _ in }
        case .message(let message): write(record.kind, message, at: at, into: &file)
        case .event(let event):
            let json = event.json.serialized()
            write(.event, at: at, into: &file) { $0 += json }
        case .gap(let records, let bytes):
            write(.gap, at: at, into: &file) { body in
                body.append(varint: UInt64(clamping: records))
                body.append(varint: UInt64(clamping: bytes))
            }
        }
    }

    // MARK: Direct writing

    /// Gives the same bytes as ``record(_:at:content:)`` and ``append(_:into:)`` in turn, without temporary objects.
    /// This is the cost of capturing a frame.
    package mutating func write(
        _ kind: CaptureRecord.Kind,
        at instant: MonotonicInstant,
        content: RawSpan,
        into block: inout CaptureBlock
    ) {
        switch kind {
        case .telephonyIn, .telephonyOut, .agentIn, .agentOut:
            let at = instant.nanoseconds - origin.nanoseconds
            let isWritten = content.withUnsafeBytes { copy(kind, $0, at: at, into: &block) }
            if isWritten { return }
        case .tick, .pump, .note, .finished:
            let at = instant.nanoseconds - origin.nanoseconds
            block.append(atMost: Self.mostBesidesContent) { pen in
                put(kind, at: at, count: 0, with: &pen) { _ in true }
            }
            return
        case .event, .gap, .facts, .agentAudioIn, .agentAudioOut:
            break
        }
        guard let record = record(kind, at: instant, content: content) else { return }
        var bytes: [UInt8] = []
        append(record, into: &bytes)
        block.append(bytes)
    }

    /// The most bytes of a record besides its content: length, kind, time, form, two lengths, checksum.
    private static let mostBesidesContent = 10 + 1 + 10 + 1 + 10 + 10 + 4

    /// Copies a message that needs no replacement.
    /// - Returns: false if it needs one, or if only a digest is to be kept; nothing is written then.
    private mutating func copy(
        _ kind: CaptureRecord.Kind,
        _ message: UnsafeRawBufferPointer,
        at: Int64,
        into block: inout CaptureBlock
    ) -> Bool {
        guard !isSlim || kind != .agentOut else { return false }
        let room = message.count + Self.mostBesidesContent
        if let place = CaptureMessage.longestString(in: message) {
            let (prefix, text, suffix) = (
                UnsafeRawBufferPointer(rebasing: message[..<place.lowerBound]),
                UnsafeRawBufferPointer(rebasing: message[place]),
                UnsafeRawBufferPointer(rebasing: message[place.upperBound...])
            )
            if redaction.concerns(prefix, text, suffix, kind) { return false }
            let count = CaptureMessage.decodedCount(of: text)
            let (before, within) = (UInt64(prefix.count), UInt64(count))
            let all = 1 + before.varintCount + prefix.count + within.varintCount + count + suffix.count
            let isAudio = block.append(atMost: room) { pen in
                put(kind, at: at, count: all, with: &pen) { pen in
                    pen.put(CaptureFormat.Form.audio.rawValue)
                    pen.put(varint: before)
                    pen.put(prefix)
                    pen.put(varint: within)
                    guard CaptureMessage.decode(text, into: pen.skip(count)) else { return false }
                    pen.put(suffix)
                    return true
                }
            }
            if isAudio { return true }
        }
        if redaction.concerns(message, kind) { return false }
        return block.append(atMost: room) { pen in
            put(kind, at: at, count: 1 + message.count, with: &pen) { pen in
                pen.put(CaptureFormat.Form.verbatim.rawValue)
                pen.put(message)
                return true
            }
        }
    }

    /// Writes one record.
    /// - Parameters:
    ///   - count: the number of bytes that `content` writes.
    ///   - content: returns false to write nothing.
    private mutating func put(
        _ kind: CaptureRecord.Kind,
        at: Int64,
        count: Int,
        with pen: inout CaptureBlock.Pen,
        _ content: (inout CaptureBlock.Pen) -> Bool
    ) -> Bool {
        let time = (at - last).zigzag
        let length = 1 + time.varintCount + count
        pen.put(varint: UInt64(length))
        let body = UnsafeRawPointer(pen.place)
        pen.put(kind.rawValue)
        pen.put(varint: time)
        guard content(&pen) else { return false }
        // Safety: the bytes written since `body` was set.
        pen.put(littleEndian: CRC32.of(UnsafeRawBufferPointer(start: body, count: length)))
        last = at
        return true
    }

    // MARK: Records

    private mutating func write(
        _ kind: CaptureRecord.Kind,
        _ message: CaptureMessage,
        at: Int64,
        into file: inout [UInt8]
    ) {
        var message = message
        if isSlim, kind == .agentOut || kind == .agentAudioOut { message = message.digested }
        write(kind, at: at, into: &file) { body in
            switch message.audio {
            case .none:
                body.append(CaptureFormat.Form.verbatim.rawValue)
                body += message.text
            case .bytes(let audio):
                body.append(CaptureFormat.Form.audio.rawValue)
                body.append(varint: UInt64(message.prefix.count))
                body += message.prefix
                body.append(varint: UInt64(audio.count))
                body += audio
                body += message.suffix
            case .digest(let count, let digest):
                body.append(CaptureFormat.Form.digest.rawValue)
                body.append(varint: UInt64(message.prefix.count))
                body += message.prefix
                body.append(varint: UInt64(count))
                body.append(littleEndian: digest)
                body += message.suffix
            }
        }
    }

    private mutating func write(
        _ kind: CaptureRecord.Kind,
        at: Int64,
        into file: inout [UInt8],
        _ content: (inout [UInt8]) -> Void
    ) {
        var body: [UInt8] = [kind.rawValue]
        body.append(signedVarint: at - last)
        last = at
        content(&body)
        file.append(varint: UInt64(body.count))
        file += body
        file.append(littleEndian: CRC32.of(body[...]))
    }
}
