internal import Foundation
public import TalkpathAudio

/// The person on the phone. Sans-IO: per point of the 20 ms grid it hears a frame and says one.
public struct PhoneUserModel: Sendable {
    public enum Event: Sendable, Hashable {
        case startedTurn(Int)
        case endedTurn(Int)
        case agentHeard
        case agentFellSilent
        case pressed(Character)
        case hungUp
    }

    /// All that was said, µ-law at 8 kHz from the stream's start on, if it is kept.
    public private(set) var said: [UInt8] = []

    private var script: PhoneScript
    private let start: MonotonicInstant
    private let keepsSaid: Bool
    private var ear: VoiceActivityDetector
    private var noise: LineNoise
    private var nextTurn = 0
    private var speaking: Utterance?
    private var hasHungUp = false
    /// The turns that came because the person lost patience with a silent agent, by number.
    private(set) var impatientTurns: [Int] = []
    /// The end of the turn that was spoken last.
    private var previousEnd: MonotonicInstant
    /// The beginning of the agent's first utterance since then, as detected in the audio.
    private var answerStart: MonotonicInstant?
    private var isAgentHeard = false
    /// The end of the agent's last utterance; nil while it speaks.
    private var agentEnd: MonotonicInstant?

    private struct Utterance {
        var turn: Int
        var audio: [UInt8]
        var position = 0
        /// The places where keys are pressed, as byte offsets.
        var keys: [(offset: Int, key: Character)] = []
    }

    /// - Parameter start: the stream's start: the first frame is said here.
    public init(script: PhoneScript, start: MonotonicInstant, seed: UInt64 = 1, keepsSaid: Bool = true) {
        self.script = script
        self.start = start
        self.keepsSaid = keepsSaid
        ear = VoiceActivityDetector(configuration: script.ear)
        noise = LineNoise(level: script.noiseLevel, background: script.background, seed: seed)
        previousEnd = start
    }

    /// The turns that the person has not begun.
    var turnsLeft: Int { script.turns.count - nextTurn }

    /// All turns have been said.
    public var hasSaidAll: Bool { nextTurn == script.turns.count && speaking == nil }

    /// Says this after the script.
    mutating func add(_ turn: PhoneScript.Turn) { script.turns.append(turn) }

    /// True once everything is said, and the agent has answered it and been silent for that long.
    func isAnswered(silentFor silence: Duration, at instant: MonotonicInstant) -> Bool {
        hasSaidAll && answerEnd.map { $0 + silence <= instant } ?? false
    }

    /// Hears the frame that began at `instant - 20 ms` and says the one that begins at `instant`.
    ///
    /// - Parameter frame: 160 bytes of µ-law; nil at the very first point, when nothing was heard yet.
    /// - Returns: 160 bytes of µ-law.
    public mutating func next(
        hearing frame: [UInt8]?,
        at instant: MonotonicInstant,
        _ report: (Event) -> Void
    ) -> [UInt8] {
        if let frame { listen(to: frame, until: instant, report) }
        if speaking == nil, !hasHungUp { decide(at: instant, report) }
        let audio = speak(at: instant, report)
        if keepsSaid { said.append(contentsOf: audio) }
        return audio
    }

    private mutating func listen(
        to frame: [UInt8],
        until instant: MonotonicInstant,
        _ report: (Event) -> Void
    ) {
        switch ear.process(muLaw: frame.span.bytes) {
        case .speechStarted:
            // Noticed late: it began that much earlier.
            if answerStart == nil { answerStart = instant - script.ear.onset }
            agentEnd = nil
            isAgentHeard = true
            report(.agentHeard)
        case .speechEnded:
            agentEnd = instant - script.ear.hangover
            isAgentHeard = false
            report(.agentFellSilent)
        case nil: break
        }
    }

    private mutating func decide(at instant: MonotonicInstant, _ report: (Event) -> Void) {
        guard script.turns.indices.contains(nextTurn) else { return decideEnding(at: instant, report) }
        let turn = script.turns[nextTurn]
        let isDue = due(of: turn.moment).map { $0 <= instant } ?? false
        let isImpatient = turn.patience.map { !isAgentHeard && instant >= silentSince + $0 } ?? false
        guard isDue || isImpatient else { return }
        if !isDue { impatientTurns.append(nextTurn) }
        speaking = Self.utterance(turn, number: nextTurn)
        previousEnd = instant
        // The agent's current words are not the answer to this.
        answerStart = nil
        report(.startedTurn(nextTurn))
        nextTurn += 1
    }

    /// The end of the last sound of either side.
    private var silentSince: MonotonicInstant { max(previousEnd, agentEnd ?? previousEnd) }

    private func due(of moment: PhoneScript.Turn.Moment) -> MonotonicInstant? {
        switch moment {
        case .start(let after): start + after
        case .previous(let after): previousEnd + after
        case .agentStarts(let after): answerStart.map { $0 + after }
        case .agentEnds(let after): answerEnd.map { $0 + after }
        }
    }

    /// The end of the agent's answer to the turn before; nil while there is none or it goes on.
    private var answerEnd: MonotonicInstant? {
        guard answerStart != nil, let agentEnd else { return nil }
        return nextTurn == 0 || agentEnd > previousEnd ? agentEnd : nil
    }

    private mutating func decideEnding(at instant: MonotonicInstant, _ report: (Event) -> Void) {
        let due: MonotonicInstant? =
            switch script.ending {
            case .staysSilent: nil
            case .hangsUp(let after): previousEnd + after
            case .hangsUpWhenAgentEnds(let after): answerEnd.map { $0 + after }
            }
        guard let due, due <= instant else { return }
        hasHungUp = true
        report(.hungUp)
    }

    private mutating func speak(at instant: MonotonicInstant, _ report: (Event) -> Void) -> [UInt8] {
        guard var utterance = speaking else { return noise.frame() }
        let end = min(utterance.audio.count, utterance.position + PlayoutModel.frameBytes)
        var frame = Array(utterance.audio[utterance.position..<end])
        for key in utterance.keys where (utterance.position..<end).contains(key.offset) { report(.pressed(key.key)) }
        if frame.count < PlayoutModel.frameBytes {
            frame.append(contentsOf: noise.frame().suffix(PlayoutModel.frameBytes - frame.count))
        }
        utterance.position = end
        if end == utterance.audio.count {
            speaking = nil
            previousEnd = instant + PlayoutModel.grid
            report(.endedTurn(utterance.turn))
        } else {
            speaking = utterance
        }
        return frame
    }

    private static func utterance(_ turn: PhoneScript.Turn, number: Int) -> Utterance {
        switch turn.content {
        case .speech(let samples): return Utterance(turn: number, audio: samples.map(MuLaw.encode))
        case .keys(let keys):
            // 100 ms on, 100 ms off, without the tones themselves.
            let step = 1600
            return Utterance(
                turn: number,
                audio: [UInt8](repeating: MuLaw.silence, count: step * max(1, keys.count)),
                keys: keys.enumerated().map { ($0.offset * step, $0.element) }
            )
        }
    }
}

/// The sound of the silent line: faint noise, the same for the same seed, or a repeated recording.
struct LineNoise: Sendable {
    private let amplitude: Double
    private let background: [UInt8]
    private var place = 0
    private var state: UInt64

    init(level: Double?, background: [Int16], seed: UInt64) {
        // Uniform noise of amplitude a has the power a²/3.
        amplitude = level.map { 32768 * 1.7320508 * pow(10, $0 / 20) } ?? 0
        self.background = background.map(MuLaw.encode)
        state = seed | 1
    }

    mutating func frame() -> [UInt8] {
        (0..<PlayoutModel.frameBytes).map { _ in next() }
    }

    private mutating func next() -> UInt8 {
        guard background.isEmpty else {
            defer { place = (place + 1) % background.count }
            return background[place]
        }
        guard amplitude > 0 else { return MuLaw.silence }
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let unit = Double(Int64(bitPattern: state) >> 32) / 2_147_483_648
        return MuLaw.encode(Int16(max(-32768, min(32767, (unit * amplitude).rounded()))))
    }
}
