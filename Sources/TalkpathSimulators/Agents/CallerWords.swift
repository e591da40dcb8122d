import Foundation
internal import TalkpathAudio

/// The caller's last turn as linear samples at 24 kHz, for models that say it back.
struct CallerWords: Sendable {
    private let format: AudioFormat
    private var changer: LinearRateChanger
    /// The newest samples, at most ``longest``.
    private var heard: [Int16] = []
    private var heardMilliseconds = 0
    private var start: Int?
    /// The last turn that is over. Empty before the first.
    private(set) var lastTurn: [Int16] = []

    private static let longest = 30_000
    /// The ear notices speech late: this much before it belongs to the turn.
    private static let lead = 200
    private static let samplesPerMillisecond = 24

    init(format: AudioFormat) {
        self.format = format
        changer = LinearRateChanger(from: format.sampleRate, to: 24_000)
    }

    mutating func hear(_ audio: [UInt8]) {
        let samples = changer.process(Samples.decode(audio, format))
        heard.append(contentsOf: samples)
        heardMilliseconds += audio.count / max(1, format.bytesPerMillisecond)
        let surplus = heard.count - Self.longest * Self.samplesPerMillisecond
        if surplus > 0 { heard.removeFirst(surplus) }
    }

    mutating func note(_ turn: InputTurnDetector.Turn) {
        switch turn {
        case .started(let milliseconds):
            start = milliseconds - Self.lead
        case .ended(let milliseconds):
            guard let start else { return }
            self.start = nil
            lastTurn = Array(heard[place(of: start)..<max(place(of: start), place(of: milliseconds))])
        }
    }

    /// The index of an instant of the input among the samples that are kept.
    private func place(of milliseconds: Int) -> Int {
        let place = heard.count - (heardMilliseconds - milliseconds) * Self.samplesPerMillisecond
        return min(max(0, place), heard.count)
    }

    /// Two short tones, a fifth apart.
    static let chime: [Int16] = [440.0, 660.0].flatMap { frequency in
        (0..<5_280).map { index in
            let envelope = min(1, Double(min(index, 5_279 - index)) / 480)
            return Int16(6_000 * envelope * sin(2 * .pi * frequency * Double(index) / 24_000))
        }
    }
}
