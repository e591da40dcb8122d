import Foundation
import TalkpathAudio
package import TalkpathCore
import TalkpathServer
import TalkpathSimulation
package import TalkpathWire

/// A call that was played, in the words of the control API. All times are milliseconds since it began.
package struct PlayedCall: Sendable {
    package struct Event: Sendable {
        package var at: Int
        package var kind: String
        /// With `kind` and `at_ms`.
        package var json: JSONValue
    }

    package struct Turn: Sendable {
        package var isCaller: Bool
        package var text: String
        package var at: Int
        package var isCut: Bool
    }

    package struct ToolCall: Sendable {
        package var at: Int
        package var name: String
        /// As the model wrote them.
        package var arguments: String
    }

    package var events: [Event] = []
    package var turns: [Turn] = []
    package var toolCalls: [ToolCall] = []
    /// The messages to the model without their audio.
    package var told: [(at: Int, text: String)] = []
    /// `nil` if the call did not end.
    package var endReason: EndReason?
    package var duration = 0
    package var metrics = CallMetrics()
    /// The beginning of the media stream.
    package var audioBegan = 0
    /// Both sides at 8 kHz, from then on; empty once the call is judged.
    package var callerAudio: [Int16] = []
    package var agentAudio: [Int16] = []
    /// The differences of the replay from the capture.
    package var differences: [String] = []
    /// Faults of the test itself: points in which its script and the call did not agree.
    package var slips: [String] = []
    /// The stretches in which each side was loud.
    package var callerSpans: [SpeechSpan] = []
    package var agentSpans: [SpeechSpan] = []
    /// The whole call, for `talkpath report`; kept of the first run that fails, until it is reported.
    package var capture: Capture?

    package init() {}

    package init(events: [CallEvent], transcript: [TranscriptEntry], metrics: CallMetrics, capture: Capture?) {
        self.events = events.map { event in
            let json = event.momentJSON
            return Event(at: event.at.wholeMilliseconds, kind: json["kind"]?.string ?? "", json: json)
        }
        for event in events {
            if case .ended(let receipt) = event.kind {
                endReason = receipt.reason
                duration = receipt.duration.wholeMilliseconds
            }
        }
        turns = transcript.map { turn in
            Turn(isCaller: turn.speaker == .caller, text: turn.text, at: turn.milliseconds, isCut: turn.isCut)
        }
        self.metrics = metrics
        self.capture = capture
        guard let capture else { return }
        if endReason == nil { duration = capture.records.last?.at.wholeMilliseconds ?? 0 }
        for record in capture.records where record.kind == .agentOut {
            guard let message = record.message, message.audioByteCount == 0 else { continue }
            told.append((record.at.wholeMilliseconds, String(decoding: message.text, as: UTF8.self)))
        }
        let recording = capture.recording
        callerAudio = recording?.caller ?? []
        agentAudio = recording?.agent ?? []
        audioBegan = recording?.beganAt.wholeMilliseconds ?? 0
        callerSpans = SpeechSpan.all(in: callerAudio, from: audioBegan)
        agentSpans = SpeechSpan.all(in: agentAudio, from: audioBegan)
    }

    /// Drops what only the judge needs: a suite of many runs would keep hours of audio.
    mutating func forgetMedia(keepingCapture isKept: Bool) {
        callerAudio = []
        agentAudio = []
        told = []
        if !isKept { capture = nil }
    }

    // MARK: Figures

    /// The times from the caller's last sound to the agent's first, shortest first.
    package var latencies: [Int] {
        events.filter { $0.kind == "agent_answered" }.compactMap { $0.json["latency_ms"]?.int }.sorted()
    }

    /// The times for which turns of the caller were left without an answer, each with the turn's end. By what was on the
    /// line, because not every model reports what it hears.
    package var silences: [(at: Int, milliseconds: Int)] {
        let end = audioBegan + callerAudio.count / 8
        let handedOver = events.first { $0.kind == "transferring" }?.at ?? .max
        return callerSpans.enumerated().compactMap { number, turn in
            guard turn.end - turn.begin >= SpeechSpan.shortestTurn, turn.end < handedOver else { return nil }
            let next = number + 1 < callerSpans.count ? callerSpans[number + 1].begin : end
            let answer = agentSpans.first { $0.end > turn.end }?.begin ?? end
            return (turn.end, max(0, min(answer, next, end) - turn.end))
        }
    }

    package func count(_ kind: String) -> Int { events.count { $0.kind == kind } }
}
