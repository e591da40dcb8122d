import TalkpathAudio

/// Tells whether the caller can hear anything in a response: models have sent whole answers as silence.
///
/// Measures the audio only until the first sound. Allocates nothing.
struct ResponseSound {
    private var bytes = 0
    private var hasSound = false
    private let format: AudioFormat

    /// A pause is no answer, and a shorter one may be part of one.
    static let shortest = Duration.milliseconds(600)

    /// The reason of a response that has failed because the caller could not hear it.
    static let silent = "silent_audio"

    init(format: AudioFormat) {
        self.format = format
    }

    mutating func began() {
        bytes = 0
        hasSound = false
    }

    /// - Parameter audio: audio of the response in the telephony leg's format.
    mutating func produced(_ audio: RawSpan) {
        guard !hasSound else { return }
        bytes += audio.byteCount
        hasSound = !format.isSilent(audio)
    }

    /// True if the response has audio, and all of it is silence.
    var isSilent: Bool { !hasSound && format.duration(ofBytes: bytes) >= Self.shortest }
}
