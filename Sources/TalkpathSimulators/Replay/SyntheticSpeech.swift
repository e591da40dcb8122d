internal import Foundation
internal import TalkpathAudio

/// Tone bursts that a voice detector takes for speech. Each utterance has a pitch of its own.
public enum SyntheticSpeech {
    /// Syllables of 150 ms with pauses of 50 ms at −17 dBFS. The pitch is 300 Hz + 25 Hz × number.
    public static func samples(number: Int, lasting duration: Duration, rate: Int) -> [Int16] {
        let count = duration.wholeMilliseconds * rate / 1000
        let pitch = pitch(ofNumber: number)
        return (0..<count).map { index in
            let milliseconds = index * 1000 / rate
            guard milliseconds % 200 < 150 || count - index < rate / 10 else { return 0 }
            return Int16((6500 * sin(2 * .pi * pitch * Double(index) / Double(rate))).rounded())
        }
    }

    public static func callerTurn(
        _ moment: PhoneScript.Turn.Moment,
        number: Int,
        lasting duration: Duration = .milliseconds(900)
    ) -> PhoneScript.Turn {
        PhoneScript.Turn(
            moment,
            .speech(samples(number: 2 * number + 1, lasting: duration, rate: 8000)),
            text: "caller turn \(number)"
        )
    }

    public static func agentTurn(
        _ trigger: AgentScript.Turn.Trigger,
        number: Int,
        lasting duration: Duration = .milliseconds(1200)
    ) -> AgentScript.Turn {
        AgentScript.Turn(
            trigger,
            audio: samples(number: 2 * number, lasting: duration, rate: 24000),
            transcript: "This is what the agent says in answer number \(number)"
        )
    }

    /// The pitch of an utterance in hertz. Callers have odd numbers, agents even ones.
    public static func pitch(ofNumber number: Int) -> Double { 300 + 25 * Double(number) }

    /// Returns the number of the utterance in these samples, by their strongest pitch; `nil` for silence.
    public static func number(of samples: some Collection<Int16>, rate: Int, upTo limit: Int = 64) -> Int? {
        let values = samples.map { Double($0) }
        let power = values.reduce(0) { $0 + $1 * $1 } / Double(max(1, values.count))
        guard power > 300 * 300 else { return nil }
        return (0..<limit).max { strength(of: $0, in: values, rate) < strength(of: $1, in: values, rate) }
    }

    /// Goertzel's algorithm.
    private static func strength(of number: Int, in values: [Double], _ rate: Int) -> Double {
        let coefficient = 2 * cos(2 * .pi * pitch(ofNumber: number) / Double(rate))
        var last = 0.0
        var before = 0.0
        for value in values {
            let next = value + coefficient * last - before
            before = last
            last = next
        }
        return last * last + before * before - coefficient * last * before
    }
}
