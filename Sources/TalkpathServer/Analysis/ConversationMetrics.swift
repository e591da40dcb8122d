import TalkpathAudio
import TalkpathCore

/// Figures of a conversation from our own records, without a model's opinion.
///
/// The timeline holds when the caller spoke. For the agent it holds when each answer began, and the metrics hold how
/// much audio reached the caller in all. An answer's length is estimated as its share of that audio, by the length of
/// its words. The answer ends at the latest when the next one begins, or when the caller interrupts it.
struct ConversationMetrics {
    private let timeline: ConversationTimeline
    private let call: CallSnapshot

    private typealias Span = Range<Int>

    init(timeline: ConversationTimeline, call: CallSnapshot) {
        self.timeline = timeline
        self.call = call
    }

    var analysis: CallAnalysis {
        var analysis = CallAnalysis()
        let callerSpans = callerSpans
        let agentSpans = agentSpans
        analysis.callerTalk = .milliseconds(callerSpans.reduce(0) { $0 + $1.count })
        analysis.agentTalk = .milliseconds(agentMilliseconds)
        let both = analysis.callerTalk + analysis.agentTalk
        if both > .zero { analysis.agentTalkRatio = analysis.agentTalk.milliseconds / both.milliseconds }
        analysis.interruptions = call.metrics.interruptions
        noteSilences(between: callerSpans + agentSpans, in: &analysis)
        noteLatency(in: &analysis)
        analysis.loopScore = call.loopScore
        return analysis
    }

    /// The call's end, in milliseconds since its beginning.
    private var end: Int { call.duration.wholeMilliseconds }

    private var answer: Int? {
        call.answeredAt.map { Int($0.milliseconds - call.startedAt.milliseconds) }
    }

    // MARK: Speech of each side

    private var callerSpans: [Span] {
        var spans: [Span] = []
        var began: Int?
        for entry in timeline.entries {
            switch entry.mark {
            case .callerBegan:
                began = began ?? entry.at
            case .callerEnded, .ended:
                if let start = began, entry.at > start { spans.append(start..<entry.at) }
                began = nil
            case .answered, .agentBegan, .interrupted:
                break
            }
        }
        return spans
    }

    /// µ-law at 8 kHz has eight bytes a millisecond.
    private var agentMilliseconds: Int { call.metrics.bytesToCaller / 8 }

    private var agentSpans: [Span] {
        let begins = timeline.entries.filter { $0.mark == .agentBegan }.map(\.at)
        guard !begins.isEmpty, agentMilliseconds > 0 else { return [] }
        let words = wordLengths(of: begins)
        let all = max(1, words.reduce(0, +))
        return begins.indices.compactMap { index in
            let begin = begins[index]
            let next = index + 1 < begins.count ? begins[index + 1] : end
            let cut = timeline.entries.first { $0.mark == .interrupted && $0.at > begin && $0.at <= next }?.at
            let share = agentMilliseconds * words[index] / all
            let last = min(begin + share, cut ?? next, max(next, begin))
            return last > begin ? begin..<last : nil
        }
    }

    /// The length of the agent's words in each answer; 1 for each if there is no transcript.
    private func wordLengths(of begins: [Int]) -> [Int] {
        var lengths = [Int](repeating: 0, count: begins.count)
        for turn in call.transcript where turn.speaker == .agent {
            // The transcript of a turn arrives after the turn's beginning.
            guard let index = begins.lastIndex(where: { $0 <= turn.milliseconds }) else { continue }
            lengths[index] += turn.text.utf8.count
        }
        return lengths.allSatisfy { $0 == 0 } ? lengths.map { _ in 1 } : lengths
    }

    // MARK: Silences and latency

    private func noteSilences(between spans: [Span], in analysis: inout CallAnalysis) {
        guard let answer else { return }
        var heardUntil = answer
        func note(gapUntil next: Int) {
            let gap = Duration.milliseconds(next - heardUntil)
            guard gap >= CallAnalysis.shortestSilence else { return }
            analysis.silences += 1
            analysis.silence += gap
            analysis.longestSilence = max(analysis.longestSilence, gap)
        }
        for span in spans.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            note(gapUntil: span.lowerBound)
            heardUntil = max(heardUntil, span.upperBound)
        }
        note(gapUntil: end)
    }

    /// Uses the latencies measured on the line, if there are any; otherwise the model's reports of when each side
    /// spoke.
    private func noteLatency(in analysis: inout CallAnalysis) {
        let measured = call.metrics.turnLatency
        if measured.count > 0 {
            analysis.turns = measured.count
            analysis.meanTurnLatency = measured.mean
            analysis.longestTurnLatency = measured.maximum
            return
        }
        var latencies: [Int] = []
        var callerEnded: Int?
        for entry in timeline.entries {
            switch entry.mark {
            case .callerEnded: callerEnded = entry.at
            case .callerBegan: callerEnded = nil
            case .agentBegan:
                if let ended = callerEnded { latencies.append(entry.at - ended) }
                callerEnded = nil
            case .answered, .interrupted, .ended: break
            }
        }
        guard let longest = latencies.max() else { return }
        analysis.turns = latencies.count
        analysis.meanTurnLatency = .milliseconds(latencies.reduce(0, +) / latencies.count)
        analysis.longestTurnLatency = .milliseconds(longest)
    }
}
