import TalkpathAudio
import TalkpathSimulators
import TalkpathWire

/// The checks of a call with a model that speaks and hears on one continuous track.
extension DemoVerdict {
    /// Checks that the model heard the caller's words. Silence may have been added before them, or left out, so each
    /// second with speech is searched for by itself.
    mutating func judgeContinuousUplink(_ stream: MediaStreamRecord, _ agent: AgentRecord) {
        let rate = agent.inputFormat.sampleRate
        let said = Self.resampled(stream.saidSamples, from: 8000, to: rate)
        let received = agent.receivedSamples
        var worst = 1.0
        var seconds = 0
        for start in stride(from: 0, to: said.count - rate, by: rate) {
            let second = Array(said[start..<start + rate])
            guard LevelMeter.level(of: second.span).rms > -35 else { continue }
            let match = AudioCorrelation.bestLag(of: second, in: received, maxLag: received.count)
            worst = min(worst, match.coefficient)
            seconds += 1
        }
        check(
            "caller -> agent",
            seconds > 0 && worst >= 0.95,
            "correlation \(worst.formatted(4)) at least, over \(seconds) seconds with speech"
        )
    }

    /// Checks that the caller heard the model's words. The model speaks at the speed of real time, so a message that comes
    /// late makes a gap; each piece of 400 ms is therefore sought by itself, and most must be whole.
    mutating func judgeContinuousDownlink(_ stream: MediaStreamRecord, _ agent: AgentRecord) {
        let heard = stream.heardSamples
        for item in agent.items where !item.audio.isEmpty {
            let spoken = Samples8k.of(item.audio, format: agent.outputFormat)
            var whole = 0
            var pieces = 0
            for start in stride(from: 0, through: spoken.count - Self.piece, by: Self.piece) {
                let piece = Array(spoken[start..<start + Self.piece])
                pieces += 1
                let match = AudioCorrelation.bestLag(of: piece, in: heard, maxLag: heard.count)
                if match.coefficient >= 0.98 { whole += 1 }
            }
            check("agent -> caller", whole * 4 >= pieces * 3, "\(whole) of \(pieces) pieces of 400 ms are whole")
        }
    }

    private static let piece = 3200

    /// Checks that the model fell silent for the caller, and that the record says how much was heard.
    mutating func judgeOwnSilence(_ agent: AgentRecord, _ call: CallTranscript, expected: Int) {
        let cut = agent.items.filter(\.wasInterrupted)
        check("interruption", cut.count >= expected, "utterances that the model broke off: \(cut.count)")
        for item in cut {
            let produced = item.producedBytes / agent.outputFormat.bytesPerMillisecond
            let error = call.transcript.compactMap(\.heardMilliseconds).map { abs($0 - produced) }.min()
            check(
                "heard against spoken",
                error.map { $0 <= 120 } ?? false,
                error.map { "off by \($0) ms" } ?? "nothing on record"
            )
        }
    }

    /// Checks that the session was closed in order, and that the receipt has its usage.
    mutating func judgeBill(_ answer: LoopbackClient.Answer) {
        let session = answer.body["agent_session"]
        let seconds = session?["billed_seconds"]?.int ?? 0
        let reason = session?["closing"]?.string ?? "nothing"
        check(
            "session",
            reason == "close_requested" && seconds > 0,
            "closed with \(reason), \(seconds) seconds billed"
        )
    }
}
