import Foundation
import TalkpathAudio

/// The level and the length of one side's speech.
struct SpeechMeter {
    private(set) var milliseconds = 0
    private var power = 0.0
    private var frames = 0

    /// Frames of 20 ms above this count as speech: the mean power, full scale 1.
    static let threshold = pow(10, -45.0 / 10)

    init(_ samples: [Int16]) {
        for begin in stride(from: 0, to: samples.count - 159, by: 160) {
            let mean = LevelMeter.power(of: samples.span.extracting(begin..<begin + 160))
            guard mean > Self.threshold else { continue }
            power += mean
            frames += 1
        }
        milliseconds = frames * 20
    }

    /// In dBFS; `nil` if nothing was said.
    var level: Double? { frames > 0 ? 10 * log10(power / Double(frames)) : nil }
}

/// A stretch in which one side was loud, in milliseconds since the call began.
package struct SpeechSpan: Sendable, Equatable {
    package var begin: Int
    package var end: Int

    /// A shorter sound is no turn.
    static let shortestTurn = 300
    /// Pauses up to here belong to a stretch.
    private static let pause = 700

    /// - Parameter began: the time of the first sample.
    static func all(in samples: [Int16], from began: Int) -> [SpeechSpan] {
        var spans: [SpeechSpan] = []
        for place in stride(from: 0, to: samples.count - 159, by: 160) {
            let power = LevelMeter.power(of: samples.span.extracting(place..<place + 160))
            guard power > SpeechMeter.threshold else { continue }
            let at = began + place / 8
            if let last = spans.last, at - last.end <= pause {
                spans[spans.count - 1].end = at + 20
            } else {
                spans.append(SpeechSpan(begin: at, end: at + 20))
            }
        }
        return spans
    }
}
