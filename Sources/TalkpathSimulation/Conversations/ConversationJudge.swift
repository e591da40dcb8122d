import TalkpathCore
import TalkpathWire

/// Checks the rules that every conversation must keep.
///
/// 1. Each turn of the caller is followed within twelve seconds by speech of the agent, or by the end.
/// 2. Nothing makes the agent speak while the caller speaks.
/// 3. The heard milliseconds that the model is told match the milliseconds that the caller heard, to within a frame.
/// 4. The turns in the record are in the order in which they began.
/// 5. The caller hears a whole goodbye before the end, unless they interrupt it; a caller who does so keeps the call.
///
/// In addition, the caller must hear whatever the model says while the caller is silent.
final class ConversationJudge {
    private struct Turn {
        var began: Int
        var ended: Int
        var isHeard = false
    }

    private unowned let call: ScriptedCall
    private var turns: [Turn] = []
    private var itemsBegan: [Int: Int] = [:]
    private var producedMilliseconds: [Int: Int] = [:]
    private var goodbye: Int?
    private var lostAt: Int?
    private var violations: [String] = []
    private(set) var trace: [String] = []

    /// The longest time, in milliseconds, that the agent may leave a turn unanswered.
    static let longestSilence = 12_000
    /// The time, in milliseconds, that our detector and the model's need to notice the caller.
    private static let onset = 300

    init(_ call: ScriptedCall) {
        self.call = call
    }

    private func note(_ line: String) { trace.append("\(call.milliseconds) \(line)") }

    private func violation(_ what: String) {
        violations.append(what)
        note("VIOLATION \(what)")
    }

    // MARK: Events

    func callerBegins(for duration: Int) {
        turns.append(Turn(began: call.milliseconds, ended: call.milliseconds + duration))
        note("the caller speaks for \(duration) ms")
    }

    /// True if the model was not connected during the latest turn, and so has not heard it.
    var hasUnheardTurn: Bool { turns.last.map { !$0.isHeard } ?? false && !call.isCallerSpeaking }

    /// The model notices a turn.
    /// - Returns: the turn's number.
    func turnBegins() -> Int {
        guard let last = turns.indices.last else { return 0 }
        turns[last].isHeard = true
        note("the model hears turn \(last)")
        return last
    }

    func itemBegins(_ item: Int) {
        itemsBegan[item] = call.milliseconds
        note("item \(item) begins")
    }

    func produced(_ item: Int, _ milliseconds: Int) { producedMilliseconds[item, default: 0] += milliseconds }

    /// The model's socket breaks.
    func modelIsLost() { lostAt = call.milliseconds }

    func goodbyeBegins(_ item: Int) { goodbye = item }

    /// True while speech of the agent was sent that the caller has not heard.
    var isAgentHeard: Bool {
        !call.session.media.value.isPlayedOut(at: call.scheduler.now)
    }

    /// True if the agent has answered, greeted, or been silent for a while, and is not speaking.
    var isCallersTurn: Bool {
        guard !isAgentHeard else { return false }
        let last = max(turns.last?.ended ?? 0, call.heardFrom.values.max() ?? 0)
        let isAnswered = (call.heardFrom.values.max() ?? 0) > (turns.last?.ended ?? 0)
        return isAnswered || call.milliseconds - last > (turns.isEmpty ? 4000 : Self.longestSilence + 2000)
    }

    func told(_ text: String) {
        note("told \(text.prefix(140))")
        if let truncation = call.language.truncation(text), let item = Int(truncation.item.dropFirst(5)) {
            let heard = call.heardMilliseconds(of: item)
            if abs(heard - truncation.milliseconds) > 20 {
                violation("\(heard) ms of item \(item) were heard, the model was told \(truncation.milliseconds)")
            }
        }
        let isRequest = call.language.isRequest(text) || (call.provider == .gemini && text.contains("toolResponse"))
        if isRequest, let last = turns.last, call.milliseconds > last.began + Self.onset,
            call.milliseconds < last.ended
        {
            violation("the agent is made to speak while the caller does: \(text.prefix(80))")
        }
    }

    // MARK: The verdict

    func verdict(turns count: Int) -> [String] {
        let end = call.events.last { if case .ended = $0.kind { true } else { false } }
        guard case .ended(let receipt)? = end?.kind, let endedAt = end?.at else {
            return violations + ["the call has not ended"]
        }
        note("ended \(receipt.reason.rawValue) at \(endedAt)")
        let record = (call.record?.transcript ?? []).map { "\($0.text) of \($0.milliseconds)" }
        note("recorded \(record.joined(separator: ", "))")
        judgeAnswers(endedAt)
        judgeOrder()
        judgeGoodbye(receipt, endedAt)
        judgeItems(endedAt)
        return violations
    }

    private func judgeAnswers(_ endedAt: Int) {
        let heard = call.heardFrom.values.sorted()
        for (number, turn) in turns.enumerated() {
            let next = number + 1 < turns.count ? turns[number + 1].began : endedAt
            let answer = heard.first { $0 >= turn.ended } ?? endedAt
            // Speech that the caller continued before it was answered belongs to the next turn.
            let silence = min(answer, next, endedAt) - turn.ended
            if silence > Self.longestSilence { violation("turn \(number) was not answered for \(silence) ms") }
        }
    }

    private func judgeOrder() {
        let began = (call.record?.transcript ?? []).compactMap { entry -> (text: String, at: Int)? in
            guard let number = Int(entry.text.dropFirst()) else { return nil }
            switch entry.text.first {
            case "u": return turns.indices.contains(number) ? (entry.text, turns[number].began) : nil
            case "a": return itemsBegan[number].map { (entry.text, $0) }
            default: return nil
            }
        }
        for (earlier, later) in zip(began, began.dropFirst()) where earlier.at > later.at + Self.onset {
            violation("in the record, \(earlier.text) of \(earlier.at) stands before \(later.text) of \(later.at)")
        }
    }

    private func judgeItems(_ endedAt: Int) {
        for (item, began) in itemsBegan.sorted(by: { $0.key < $1.key }) {
            let produced = producedMilliseconds[item] ?? 0
            let mayBeCut = turns.contains { $0.ended > began - 1500 && $0.began < began + produced + 6000 }
            guard produced > 0, !mayBeCut, lostAt.map({ abs($0 - began) > 8000 }) ?? true, began + 6000 < endedAt else {
                continue
            }
            if call.heardMilliseconds(of: item) == 0 { violation("item \(item) was not heard") }
        }
    }

    private func judgeGoodbye(_ receipt: EndReceipt, _ endedAt: Int) {
        guard let goodbye, let produced = producedMilliseconds[goodbye], let began = itemsBegan[goodbye] else { return }
        let isCut = turns.contains { $0.ended > began && $0.isHeard && $0.began < endedAt }
        if isCut, receipt.reason == .agentHangup {
            violation("the caller spoke into the goodbye, and the call ended")
        }
        guard !isCut, receipt.reason == .agentHangup else { return }
        let heard = call.heardMilliseconds(of: goodbye)
        if produced - heard > 20 { violation("\(heard) ms of a goodbye of \(produced) ms were heard") }
    }
}
