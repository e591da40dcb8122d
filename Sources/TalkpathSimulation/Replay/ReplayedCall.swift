import TalkpathAudio
public import TalkpathCore
import TalkpathWire

/// What came of a replayed call.
public struct ReplayedCall: Sendable {
    /// Somebody's stretch of speech.
    public struct Turn: Equatable, Sendable {
        public var speaker: TranscriptEntry.Speaker
        /// Since the call began.
        public var at: Duration
    }

    /// The caller spoke over the agent.
    public struct Interruption: Equatable, Sendable {
        /// Since the call began.
        public var at: Duration
        /// What the caller had heard of what the agent was saying.
        public var heard: Duration
    }

    /// How the call differs from its capture, or from what was expected of it; empty: not a byte.
    public var differences: [ReplayDifference]
    /// What the call published, in order.
    public var events: [CallEvent]
    /// nil if the call did not end: its capture was cut.
    public var receipt: EndReceipt?
    public var transcript: [TranscriptEntry]
    public var metrics: CallMetrics
    /// Both sides from the media stream's beginning on, at 8 kHz.
    public var callerAudio: [Int16]
    public var agentAudio: [Int16]
    /// The media stream's beginning, since the call began.
    public var streamBegan: Duration
    /// How long the call lasted, and so how long it would have taken.
    public var duration: Duration
    /// The capture was cut off: the call was replayed and compared up to there.
    public var isCut: Bool
    /// Where the capture's file is damaged, in bytes: it is cut there.
    public var damagedAt: Int?
    /// Records are missing in the capture: from there on a difference may be the capture's.
    public var hasGaps: Bool

    /// The replay's own capture, to be kept as what is expected from now on.
    package var capture: Capture

    init(_ recorded: Capture, expected: Capture, _ world: ReplayWorld, compared count: Int) {
        var comparison = ReplayComparison()
        var (old, new) = (expected.records, Array(world.records.prefix(count)))
        if expected.ending != .whole, let last = old.last?.at {
            // What the last instant before the cut led to may not have been written any more.
            old.removeAll { $0.at >= last }
            new.removeAll { $0.at >= last }
        }
        comparison.compare(old, with: new)
        differences = comparison.differences
        capture = Capture(
            facts: recorded.facts,
            records: Array(world.records.prefix(count)),
            ending: recorded.ending
        )
        isCut = recorded.ending != .whole
        if case .damaged(let offset) = recorded.ending { damagedAt = offset }
        hasGaps = recorded.records.contains { $0.kind == .gap }
        events = world.events
        duration = recorded.records.last?.at ?? .zero
        receipt = nil
        if !isCut {
            for event in events {
                if case .ended(let receipt) = event.kind { self.receipt = receipt }
            }
        }
        transcript = world.lastRecord?.transcript ?? []
        metrics = world.lastRecord?.metrics ?? CallMetrics()
        let recording = capture.recording
        callerAudio = recording?.caller ?? []
        agentAudio = recording?.agent ?? []
        streamBegan = recording?.beganAt ?? .zero
    }

    /// Who began to speak when, as the model heard it.
    public var turns: [Turn] {
        events.compactMap { event in
            switch event.kind {
            case .callerSpeechStarted: Turn(speaker: .caller, at: event.at)
            case .agentSpeechStarted: Turn(speaker: .agent, at: event.at)
            default: nil
            }
        }
    }

    public var interruptions: [Interruption] {
        events.compactMap { event in
            guard case .interrupted(let milliseconds) = event.kind else { return nil }
            return Interruption(at: event.at, heard: .milliseconds(milliseconds))
        }
    }

    /// How well what the caller heard matches a reference at 8 kHz: how much later it came than the reference has it,
    /// and the ratio of signal to noise in dB.
    public func agentAudio(against reference: [Int16], maximumDelay: Duration = .seconds(2)) -> AudioMatch {
        AudioMatch(reference: reference, received: agentAudio, maximumDelay: maximumDelay)
    }

    public func callerAudio(against reference: [Int16], maximumDelay: Duration = .seconds(2)) -> AudioMatch {
        AudioMatch(reference: reference, received: callerAudio, maximumDelay: maximumDelay)
    }

    public struct AudioMatch: Equatable, Sendable {
        public var delay: Duration
        public var signalToNoise: Double
        /// 1: the same but for volume.
        public var coefficient: Double

        init(reference: [Int16], received: [Int16], maximumDelay: Duration) {
            let limit = max(0, maximumDelay.wholeMilliseconds) * 8
            let match = AudioCorrelation.bestLag(of: reference, in: received, maxLag: limit)
            delay = .microseconds(match.lag * 125)
            coefficient = match.coefficient
            signalToNoise = AudioCorrelation.snr(reference: reference, received: received, maxLag: limit)
        }
    }
}
