import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// One call's capture, as the writing thread sees it.
final class CaptureJob: @unchecked Sendable {
    // Unchecked: made on the call's loop, from then on touched by the writing thread only.

    private var reader: CaptureTapReader
    private var wire: WirePart?
    private var audio: AudioPart?
    private let facts: CaptureFacts
    private let recordings: Recordings
    private let logger: Logger
    private let onFile: (KeptFile) -> Void
    /// The tap has been closed, and all that was in it has been written.
    private(set) var isOver = false
    /// How often the thread has looked since messages were last written.
    private var roundsWaited = 0

    /// In bytes.
    private static let block = 32 << 10
    /// In rounds of 20 ms: a fifth of a second.
    private static let patience = 10

    private struct WirePart {
        var writer: CaptureWriter
        var file: CaptureFile
        let path: String
        var pending: [UInt8] = []

        mutating func take(_ kind: CaptureRecord.Kind, at instant: MonotonicInstant, content: RawSpan) {
            guard let record = writer.record(kind, at: instant, content: content) else { return }
            writer.append(record, into: &pending)
        }
    }

    private struct AudioPart: ~Copyable {
        var recording = CallRecording()
        var encoder: RecordingEncoder
        var file: CaptureFile
        let path: String
    }

    /// - Parameter onFile: told of each file when nothing more is written to it.
    init(
        _ facts: CaptureFacts,
        reader: consuming CaptureTapReader,
        recordings: Recordings,
        logger: Logger,
        onFile: @escaping (KeptFile) -> Void
    ) {
        self.onFile = onFile
        self.facts = facts
        self.reader = reader
        self.recordings = recordings
        self.logger = logger
    }

    /// Creates the files. What cannot be created is left out, and the call goes on.
    func begin() {
        if facts.wish.wire, let path = recordings.wirePath(of: facts.callID) {
            attempt("wire") { () throws(CaptureFile.Failure) in
                var part = WirePart(writer: CaptureWriter(facts), file: try CaptureFile(path: path), path: path)
                part.writer.begin(into: &part.pending)
                wire = part
            }
        }
        if facts.wish.audio, let path = recordings.audioPath(of: facts.callID) {
            attempt("audio") { () throws(CaptureFile.Failure) in
                let file = try CaptureFile(path: path)
                let encoder = try RecordingEncoder(recordings.audioFormat)
                try file.append(encoder.header())
                audio = AudioPart(encoder: encoder, file: file, path: path)
            }
        }
    }

    /// Writes what has come since the last time.
    func drain() {
        reader.drain { kind, instant, content in
            if kind == .finished { isOver = true }
            wire?.take(kind, at: instant, content: content)
            audio?.recording.take(kind, at: instant, content: content)
        }
        flushWire()
        flushAudio()
    }

    /// Writes once there is enough to be worth a call of the system, or it has waited long enough: what a killed process
    /// has not written yet is lost.
    private func flushWire() {
        guard let count = wire?.pending.count, count > 0 else { return }
        roundsWaited += 1
        guard count >= Self.block || roundsWaited >= Self.patience || isOver else { return }
        roundsWaited = 0
        let isWritten = attempt("wire") { () throws(CaptureFile.Failure) in
            try wire?.file.append(wire?.pending ?? [])
        }
        // Its memory is kept, for it will be needed again.
        wire?.pending.removeAll(keepingCapacity: true)
        if !isWritten || isOver { finishWire() }
    }

    private func finishWire() {
        guard let path = wire?.path else { return }
        wire = nil
        onFile(KeptFile(call: facts.callID, path: path, isRecording: false))
    }

    private func flushAudio() {
        guard audio != nil else { return }
        let isWritten = attempt("audio") { () throws(CaptureFile.Failure) in
            let samples = isOver ? audio!.recording.finish() : audio!.recording.takeSettled()
            var bytes = try audio!.encoder.encode(samples)
            if isOver { bytes += try audio!.encoder.finish() }
            if !bytes.isEmpty { try audio!.file.append(bytes) }
            if isOver, let header = audio!.encoder.finalHeader() { try audio!.file.overwriteBeginning(header) }
        }
        guard !isWritten || isOver, let path = audio?.path else { return }
        audio = nil
        onFile(KeptFile(call: facts.callID, path: path, isRecording: true))
    }

    /// - Returns: false if it failed: what was begun is given up then, the call is not.
    @discardableResult
    private func attempt(_ what: String, _ body: () throws(CaptureFile.Failure) -> Void) -> Bool {
        do throws(CaptureFile.Failure) {
            try body()
            return true
        } catch {
            logger.error(
                "The capture of a call stops; the call goes on",
                metadata: ["call_id": "\(facts.callID)", "capture": "\(what)", "error": "\(error.reason)"]
            )
            return false
        }
    }
}

/// A file of a call that nothing more is written to.
struct KeptFile: Equatable, Sendable {
    var call: CallID
    var path: String
    /// What was said and heard, rather than the sockets' messages.
    var isRecording: Bool
}

/// Makes an audio file's bytes of stereo samples.
private struct RecordingEncoder: ~Copyable {
    private var ogg: OggOpusWriter?
    private var wav: WAVStream?

    private static let rate = CallRecording.sampleRate

    init(_ format: Recordings.AudioFormat) throws(CaptureFile.Failure) {
        switch format {
        case .ogg:
            do {
                ogg = try OggOpusWriter(
                    sampleRate: Self.rate,
                    channelCount: 2,
                    serialNumber: SecureRandom.bytes(4).reduce(0) { $0 << 8 | UInt32($1) },
                    bitrate: 32_000,
                    complexity: 2
                )
            } catch {
                throw CaptureFile.Failure(reason: "\(error)")
            }
        case .wav:
            wav = WAVStream(format: TalkpathAudio.AudioFormat.telephony, channelCount: 2)
        }
    }

    func header() -> [UInt8] {
        ogg?.header() ?? wav?.header() ?? []
    }

    mutating func encode(_ samples: [Int16]) throws(CaptureFile.Failure) -> [UInt8] {
        guard !samples.isEmpty else { return [] }
        var bytes: [UInt8] = []
        do {
            try ogg?.append(samples.span, to: &bytes)
            wav?.append(samples.span, to: &bytes)
        } catch {
            throw CaptureFile.Failure(reason: "\(error)")
        }
        return bytes
    }

    mutating func finish() throws(CaptureFile.Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            try ogg?.finish(to: &bytes)
            wav?.finish(to: &bytes)
        } catch {
            throw CaptureFile.Failure(reason: "\(error)")
        }
        return bytes
    }

    func finalHeader() -> [UInt8]? { wav?.finalHeader() }
}
