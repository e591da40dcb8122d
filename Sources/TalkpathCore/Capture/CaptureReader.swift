import TalkpathWire

/// The reason why bytes cannot be read as a capture, as one line for the user who gave the file.
package enum CaptureError: Error, Equatable, Sendable, CustomStringConvertible {
    case empty
    case foreign
    case newer(version: Int)
    /// The file ends, or is damaged, before the call's first record.
    case cutBeforeCall

    package var description: String {
        switch self {
        case .empty: "the file is empty"
        case .foreign: "not a capture: it does not begin as captures do"
        case .newer(let version):
            "written by a newer Talkpath (format \(version); this one reads up to \(CaptureFormat.version)): update Talkpath"
        case .cutBeforeCall: "the capture was cut off before the call began: there is nothing to replay"
        }
    }
}

/// A capture in memory.
package struct Capture: Sendable {
    /// The way a file ends.
    package enum Ending: Equatable, Sendable {
        /// The file ends with the call.
        case whole
        /// The file ends in the middle of the call: the process died, or the disk was full.
        case cut
        /// The bytes at `offset` differ from those written; the rest is not read.
        case damaged(offset: Int)
    }

    package var facts: CaptureMetadata
    package var records: [CaptureRecord]
    package var ending: Ending

    package init(facts: CaptureMetadata, records: [CaptureRecord], ending: Ending) {
        self.facts = facts
        self.records = records
        self.ending = ending
    }

    /// Reads a file as far as possible.
    ///
    /// - Throws: ``CaptureError`` if even the call's facts are missing. A file that was cut off, or is damaged further
    ///   on, is read up to there; ``ending`` tells which.
    package init(reading file: [UInt8]) throws(CaptureError) {
        guard !file.isEmpty else { throw .empty }
        let magic = CaptureFormat.magic
        guard file.starts(with: magic) else {
            throw magic.starts(with: file) ? .cutBeforeCall : .foreign
        }
        var bytes = CaptureBytes(file[magic.count...])
        guard let version = bytes.varint() else { throw .cutBeforeCall }
        guard version <= UInt64(CaptureFormat.version) else { throw .newer(version: Int(clamping: version)) }
        var reader = RecordReader(bytes)
        guard case .body(let first)? = reader.next(), first.first == CaptureRecord.Kind.facts.rawValue,
            let facts = Self.facts(first)
        else { throw .cutBeforeCall }
        var records: [CaptureRecord] = []
        var ending = Ending.cut
        reading: while let step = reader.next() {
            switch step {
            case .damaged(let offset):
                ending = .damaged(offset: offset)
                break reading
            case .body(let body):
                // Skips a kind or an event that this version does not know.
                guard let record = reader.record(body) else { continue }
                guard record.at >= .zero, record.at <= CaptureFormat.latestRecord else {
                    ending = .damaged(offset: body.startIndex)
                    break reading
                }
                if record.kind == .finished { ending = .whole }
                records.append(record)
            }
        }
        self.init(facts: facts, records: records, ending: ending)
    }

    private static func facts(_ body: ArraySlice<UInt8>) -> CaptureMetadata? {
        var bytes = CaptureBytes(body.dropFirst())
        guard bytes.signedVarint() != nil, let json = try? JSONValue(parsing: Array(bytes.rest())) else { return nil }
        return CaptureMetadata(json: json)
    }

    /// The whole capture as a file.
    package func encoded(isSlim: Bool = false) -> [UInt8] {
        var file: [UInt8] = []
        var writer = CaptureWriter(facts, isSlim: isSlim)
        writer.begin(into: &file)
        for record in records { writer.append(record, into: &file) }
        return file
    }
}

/// Splits a file into records, and checks each one's checksum.
private struct RecordReader {
    enum Step {
        case body(ArraySlice<UInt8>)
        case damaged(offset: Int)
    }

    private var bytes: CaptureBytes
    private var last: Int64 = 0

    init(_ bytes: CaptureBytes) {
        self.bytes = bytes
    }

    /// - Returns: `nil` at the end, also if the last record is incomplete.
    mutating func next() -> Step? {
        let offset = bytes.offset
        guard bytes.remaining > 0, let length = bytes.varint() else { return nil }
        guard length >= 2, length <= UInt64(CaptureFormat.longestRecord) else { return .damaged(offset: offset) }
        guard let body = bytes.take(Int(length)), let checksum = bytes.littleEndian32() else { return nil }
        return CRC32.of(body) == checksum ? .body(body) : .damaged(offset: offset)
    }

    mutating func record(_ body: ArraySlice<UInt8>) -> CaptureRecord? {
        var bytes = CaptureBytes(body)
        guard let kindByte = bytes.byte(), let delta = bytes.signedVarint() else { return nil }
        last &+= delta
        guard let kind = CaptureRecord.Kind(rawValue: kindByte) else { return nil }
        let at = Duration.nanoseconds(last)
        switch kind {
        case .telephonyIn, .telephonyOut, .agentIn, .agentOut, .agentAudioIn, .agentAudioOut:
            return Self.message(&bytes).map { CaptureRecord(kind, at: at, .message($0)) }
        case .event:
            guard let json = try? JSONValue(parsing: Array(bytes.rest())) else { return nil }
            return CaptureEvent(json: json).map { CaptureRecord(kind, at: at, .event($0)) }
        case .gap:
            guard let records = bytes.varint(), let missing = bytes.varint() else { return nil }
            return CaptureRecord(kind, at: at, .gap(records: Int(clamping: records), bytes: Int(clamping: missing)))
        case .tick, .pump, .note, .finished:
            return CaptureRecord(kind, at: at)
        case .facts:
            return nil
        }
    }

    private static func message(_ bytes: inout CaptureBytes) -> CaptureMessage? {
        guard let form = bytes.byte().flatMap(CaptureFormat.Form.init(rawValue:)) else { return nil }
        if form == .verbatim { return CaptureMessage(prefix: Array(bytes.rest())) }
        guard let length = bytes.count(), let prefix = bytes.take(length), let count = bytes.count() else { return nil }
        var message = CaptureMessage(prefix: Array(prefix))
        if form == .audio {
            guard let audio = bytes.take(count) else { return nil }
            message.audio = .bytes(Array(audio))
        } else {
            guard let digest = bytes.littleEndian64() else { return nil }
            message.audio = .digest(count: count, digest: digest)
        }
        message.suffix = Array(bytes.rest())
        return message
    }
}
