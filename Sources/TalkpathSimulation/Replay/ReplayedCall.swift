import TalkpathAudio
public import TalkpathCore
import TalkpathWire

/// The result of a replayed call.
public struct ReplayedCall: Sendable {
    /// One speaker's stretch of speech.
    public struct Turn: Equatable, Sendable {
        public var speaker: TranscriptEntry.Speaker
        /// The time since the call began.
        public var at: Duration
    }

    /// The caller spoke over the agent.
    public struct Interruption: Equatable, Sendable {
        /// The time since the call began.
        public var at: Duration
        /// The playing time that the caller had heard of the agent's speech.
        public var heard: Duration
    }

    /// The model called a function.
    public struct ToolCall: Equatable, Sendable {
        public var name: String
        /// As the model wrote them: JSON, which may be malformed.
        public var arguments: String
        /// The time since the call began.
        public var at: Duration
    }

    /// The differences from the capture, or from the expected one. Empty means that every byte is equal.
    public var differences: [ReplayDifference]
    /// The events that the call published, in order.
    public var events: [CallEvent]
    /// `nil` if the call did not end because its capture was cut off.
    public var receipt: EndReceipt?
    public var transcript: [TranscriptEntry]
    public var toolCalls: [ToolCall]
    public var metrics: CallMetrics
    /// Both sides of the call from the start of the media stream, at 8 kHz.
    public var callerAudio: [Int16]
    public var agentAudio: [Int16]
    /// The time from the start of the call to the start of the media stream.
    public var streamBegan: Duration
    /// The length of the call, which is its length in real time.
    public var duration: Duration
    /// True if the capture was cut off. The call was replayed and compared up to there.
    public var isCut: Bool
    /// The offset in bytes at which the capture's file is damaged, and ends.
    public var damagedAt: Int?
    /// True if records are missing in the capture. A difference after them may be the capture's fault.
    public var hasGaps: Bool

    /// The replay's own capture, which can be kept as the expected one.
    package var capture: Capture

    init(_ recorded: Capture, expected: Capture, _ world: ReplayWorld, compared count: Int) {
        var comparison = ReplayComparison()
        var (old, new) = (expected.records, Array(world.records.prefix(count)))
        if expected.ending != .whole, let last = old.last?.at {
            // Results of the last instant before the cut may not have been written.
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
        toolCalls = world.toolCalls
        metrics = world.lastRecord?.metrics ?? CallMetrics()
        let recording = capture.recording
        callerAudio = recording?.caller ?? []
        agentAudio = recording?.agent ?? []
        streamBegan = recording?.beganAt ?? .zero
    }

    /// The starts of speech on both sides, as the model reported them.
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

    /// Compares the audio that the caller heard with a reference at 8 kHz: its delay, and the ratio of signal to noise
    /// in dB.
    public func agentAudio(against reference: [Int16], maximumDelay: Duration = .seconds(2)) -> AudioMatch {
        AudioMatch(reference: reference, received: agentAudio, maximumDelay: maximumDelay)
    }

    public func callerAudio(against reference: [Int16], maximumDelay: Duration = .seconds(2)) -> AudioMatch {
        AudioMatch(reference: reference, received: callerAudio, maximumDelay: maximumDelay)
    }

    public struct AudioMatch: Equatable, Sendable {
        public var delay: Duration
        public var signalToNoise: Double
        /// The normalised correlation; 1 means equal but for volume.
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
