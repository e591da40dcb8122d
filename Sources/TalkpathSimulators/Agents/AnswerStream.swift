internal import TalkpathAudio

/// The audio of one answer while it is being generated: pieces, each with the instant at which it is ready.
struct AnswerStream: Sendable {
    struct Piece: Sendable {
        var audio: [UInt8]
        /// The words that belong to the audio.
        var text: String
    }

    let start: MonotonicInstant
    let format: AudioFormat
    private let audio: [UInt8]
    private let words: [Substring]
    private let script: AgentScript
    private(set) var sentBytes = 0
    private var saidWords = 0

    /// - Parameter start: when the first piece is ready.
    init(_ turn: AgentScript.Turn, script: AgentScript, format: AudioFormat, start: MonotonicInstant) {
        self.start = start
        self.format = format
        self.script = script
        audio = Samples.encode(
            Samples.resample(turn.audio, from: 24000, to: format.sampleRate),
            format.encoding
        )
        words = turn.transcript.split(separator: " ")
    }

    var totalMilliseconds: Int { audio.count / format.bytesPerMillisecond }
    var sentMilliseconds: Int { sentBytes / format.bytesPerMillisecond }
    var isComplete: Bool { sentBytes == audio.count }

    /// The time when playback ends, if it begins at `start` and runs in real time.
    var assumedEnd: MonotonicInstant { start + format.duration(ofBytes: audio.count) }

    /// The time when the next piece is ready, or the answer's end.
    var nextInstant: MonotonicInstant {
        let generated = format.duration(ofBytes: sentBytes).wholeNanoseconds
        return start + .nanoseconds(Int64(Double(generated) / max(0.01, script.generationSpeed)))
    }

    mutating func nextPiece() -> Piece? {
        guard !isComplete else { return nil }
        let length = sentBytes == 0 ? script.firstPiece : script.piece
        // Whole milliseconds, so that no sample is cut in two.
        let bytes = max(1, length.wholeMilliseconds) * format.bytesPerMillisecond
        let end = min(audio.count, sentBytes + bytes)
        defer { sentBytes = end }
        let due = isLast(end) ? words.count : words.count * end / max(1, audio.count)
        let text = words[saidWords..<due].map { " " + $0 }.joined()
        defer { saidWords = due }
        return Piece(audio: Array(audio[sentBytes..<end]), text: saidWords == 0 ? String(text.dropFirst()) : text)
    }

    /// The words of the audio that was sent.
    var saidText: String { words[..<saidWords].joined(separator: " ") }

    private func isLast(_ end: Int) -> Bool { end == audio.count }
}
