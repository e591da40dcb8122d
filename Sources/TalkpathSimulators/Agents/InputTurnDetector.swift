internal import TalkpathAudio

/// A model's ear: finds the caller's turns in the audio that arrives, on the clock of that audio.
struct InputTurnDetector: Sendable {
    enum Turn: Sendable, Hashable {
        /// Milliseconds of input at which the speech began.
        case started(milliseconds: Int)
        /// Milliseconds of input at which the speech ended.
        case ended(milliseconds: Int)
    }

    let format: AudioFormat
    private(set) var receivedBytes = 0
    private var detector: VoiceActivityDetector
    private var pending: [UInt8] = []
    private var judgedBytes = 0

    init(format: AudioFormat, silence: Duration) {
        self.format = format
        detector = VoiceActivityDetector(
            configuration: .init(onset: .milliseconds(60), hangover: silence, minimumLevel: -45)
        )
    }

    var isSpeech: Bool { detector.isSpeech }

    var receivedMilliseconds: Int { receivedBytes / max(1, format.bytesPerMillisecond) }

    mutating func hear(_ audio: [UInt8], _ report: (Turn) -> Void) {
        receivedBytes += audio.count
        pending.append(contentsOf: audio)
        var place = 0
        while place + format.frameBytes <= pending.count {
            let frame = Samples.decode(pending[place..<place + format.frameBytes], format)
            place += format.frameBytes
            judgedBytes += format.frameBytes
            switch detector.process(frame.span) {
            case .speechStarted: report(.started(milliseconds: max(0, judged - onset)))
            case .speechEnded: report(.ended(milliseconds: max(0, judged - hangover)))
            case nil: break
            }
        }
        pending.removeFirst(place)
    }

    private var judged: Int { judgedBytes / max(1, format.bytesPerMillisecond) }
    private var onset: Int { detector.configuration.onset.wholeMilliseconds }
    /// The silence that ends a turn, in milliseconds.
    var hangover: Int { detector.configuration.hangover.wholeMilliseconds }
}
