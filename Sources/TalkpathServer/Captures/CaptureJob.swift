import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// One call's capture, for the writing thread.
final class CaptureJob: @unchecked Sendable {
    // Unchecked: created on the call's loop, then used by the writing thread only.

    private var reader: CaptureTapReader
    private var wire: WirePart?
    private var audio: AudioPart?
    private let facts: CaptureMetadata
    private let recordings: Recordings
    private let instruments: CaptureInstruments
    private let logger: Logger
    private let onFile: (KeptFile) -> Void
    /// True if the tap has been closed and everything in it has been written.
    private(set) var isOver = false
    /// The number of rounds since the thread last took bytes from the tap.
    private var roundsWaited = 0

    /// The number of bytes in the tap that is worth a system call.
    private static let block = 32 << 10
    /// In rounds of 40 ms: a fifth of a second. If the process is killed, the bytes that waited are lost.
    private static let patience = 5

    /// A part of a call's capture.
    enum Part: String {
        case wire, audio
    }

    private struct WirePart {
        var writer: CaptureWriter
        var file: CaptureFile
        let path: String
    }

    private struct AudioPart: ~Copyable {
        var recording = CallRecording()
        var encoder: RecordingEncoder
        var file: CaptureFile
        let path: String
    }

    /// - Parameter onFile: receives each file once it is complete.
    init(
        _ facts: CaptureMetadata,
        reader: consuming CaptureTapReader,
        recordings: Recordings,
        instruments: CaptureInstruments,
        logger: Logger,
        onFile: @escaping (KeptFile) -> Void
    ) {
        self.onFile = onFile
        self.facts = facts
        self.reader = reader
        self.recordings = recordings
        self.instruments = instruments
        self.logger = logger
    }

    /// Creates the files. A file that cannot be created is left out, and the call goes on.
    func begin() {
        if facts.policy.wire, let path = recordings.wirePath(of: facts.callID) {
            attempt(.wire) { () throws(CaptureFile.Failure) in
                let file = try CaptureFile(path: path)
                var writer = CaptureWriter(facts)
                var beginning: [UInt8] = []
                writer.begin(into: &beginning)
                try file.append(beginning)
                wire = WirePart(writer: writer, file: file, path: path)
            }
        }
        if facts.policy.audio, let path = recordings.audioPath(of: facts.callID) {
            attempt(.audio) { () throws(CaptureFile.Failure) in
                let file = try CaptureFile(path: path)
                let encoder = try RecordingEncoder(recordings.audioFormat)
                try file.append(encoder.header())
                audio = AudioPart(encoder: encoder, file: file, path: path)
            }
        }
    }

    /// True if it is time to write: there are enough bytes for a system call, or they have waited long enough. Called
    /// every round.
    func isDue() -> Bool {
        roundsWaited += 1
        return roundsWaited >= Self.patience || reader.waiting >= Self.block
    }

    /// Writes the new messages, with one system call for each file.
    ///
    /// - Parameter block: memory for assembling them. Its content is undefined afterwards.
    func drain(through block: inout CaptureBlock) {
        roundsWaited = 0
        block.removeAll()
        reader.drain { kind, instant, content in
            switch kind {
            case .finished: isOver = true
            case .gap: instruments.left(out: CaptureTapReader.recordsMissing(in: content))
            default: break
            }
            wire?.writer.write(kind, at: instant, content: content, into: &block)
            audio?.recording.take(kind, at: instant, content: content)
        }
        flushWire(block)
        flushAudio()
    }

    private func flushWire(_ block: borrowing CaptureBlock) {
        guard let file = wire?.file else { return }
        let isWritten =
            block.count == 0
            || attempt(.wire) { () throws(CaptureFile.Failure) in
                try block.withBytes { bytes throws(CaptureFile.Failure) in try file.append(bytes) }
            }
        if !isWritten || isOver { finishWire() }
    }

    private func finishWire() {
        guard let path = wire?.path else { return }
        wire = nil
        onFile(KeptFile(call: facts.callID, path: path, isRecording: false))
    }

    private func flushAudio() {
        guard audio != nil else { return }
        let isWritten = attempt(.audio) { () throws(CaptureFile.Failure) in
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

    /// - Returns: `false` if it failed. That part of the capture is then given up; the call goes on.
    @discardableResult
    private func attempt(_ part: Part, _ body: () throws(CaptureFile.Failure) -> Void) -> Bool {
        do throws(CaptureFile.Failure) {
            try body()
            return true
        } catch {
            instruments.stopped(part)
            logger.error(
                "The capture of a call stops; the call goes on",
                metadata: ["call_id": "\(facts.callID)", "capture": "\(part.rawValue)", "error": "\(error.reason)"]
            )
            return false
        }
    }
}

/// A complete file of a call.
struct KeptFile: Equatable, Sendable {
    var call: CallID
    var path: String
    /// True if the file holds the sound of the call, rather than the sockets' messages.
    var isRecording: Bool
}

/// Encodes stereo samples as an audio file.
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
