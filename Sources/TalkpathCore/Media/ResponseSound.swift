import TalkpathAudio
import TalkpathWire

/// Tells whether the caller can hear anything in a response: models have sent whole answers as silence, and the words of
/// an answer without its audio.
///
/// Measures the audio only until the first sound. Allocates nothing.
struct ResponseSound {
    private var bytes = 0
    private var hasSound = false
    private var hasAudio = false
    private var hasWords = false
    private var hasCall = false
    /// The items of the response, of which ``mostItems`` are remembered.
    private(set) var items: [AgentItem] = []
    private let format: AudioFormat

    /// A pause is no answer, and a shorter one may be part of one.
    static let shortest = Duration.milliseconds(600)

    /// The reason of a response that has failed because the caller could not hear it.
    static let silent = "silent_audio"
    /// … because it has words and no audio.
    static let missing = "no_audio"
    static let mostItems = 16

    init(format: AudioFormat) {
        self.format = format
        items.reserveCapacity(Self.mostItems)
    }

    mutating func began() {
        bytes = 0
        hasSound = false
        hasAudio = false
        hasWords = false
        hasCall = false
        items.removeAll(keepingCapacity: true)
    }

    /// The response has audio of this item, readable or not.
    mutating func spoke(_ item: AgentItem) {
        hasAudio = true
        note(item)
    }

    /// The response has words of this item.
    mutating func wrote(_ item: AgentItem) {
        hasWords = true
        note(item)
    }

    /// The response calls a function, and is heard after its result.
    mutating func called() { hasCall = true }

    private mutating func note(_ item: AgentItem) {
        if items.last != item, items.count < Self.mostItems { items.append(item) }
    }

    /// - Parameter audio: audio of the response in the telephony leg's format.
    mutating func produced(_ audio: RawSpan) {
        guard !hasSound else { return }
        bytes += audio.byteCount
        hasSound = !format.isSilent(audio)
    }

    /// The reason why the response has failed; `nil` if the caller can hear it, as far as is known.
    var fault: String? { isSilent ? Self.silent : isMissing ? Self.missing : nil }

    /// True if the response has audio, and all of it is silence.
    private var isSilent: Bool { !hasSound && format.duration(ofBytes: bytes) >= Self.shortest }

    /// True if the response has words that nobody has spoken. The words before a call of a function may be late ones of the
    /// response before: Gemini keeps no order between words and audio.
    private var isMissing: Bool { hasWords && !hasAudio && !hasCall }
}
