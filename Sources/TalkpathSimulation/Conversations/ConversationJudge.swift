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
/// 6. What asks the model to speak takes nothing from the agent's own instructions.
/// 7. The model is told each key and each message, whenever they come, and so is a session that follows another; the
///    model hears all that the caller says.
/// 8. A function is carried out with the arguments that the model gave, or not at all.
/// 9. A known model is sent nothing that it refuses.
/// 10. An operator who lets the agent finish cuts nothing that it has begun, and no answer that it owes.
/// 11. No handle is used past what it covers.
/// 12. A caller who has spoken before the agent is answered or greeted, and not both.
/// 13. The record says how much of the agent's turn was heard: of one that was cut, the milliseconds to within a frame
///     for each item; one that was not cut was heard whole.
/// 14. A call whose agent is refused or lost for good goes on with the next one of its list, and its record tells so.
///
/// In addition, the caller must hear all words of the model while the caller is silent.
final class ConversationJudge: @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.
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
    private var keys: [(key: String, at: Int)] = []
    private var plannedMilliseconds: [Int: Int] = [:]
    private var drainAt: Int?
    private var handleAt: Int?
    private var runningFunctions = 0
    private var calledAt: Int?
    private var returnedAt: Int?
    private var messages: [(text: String, at: Int)] = []
    /// Set-ups of sessions that know of nothing: when, and how many messages the model had received before.
    private var setUps: [(at: Int, told: Int)] = []
    /// The beginnings of all sessions.
    private var sessionsBegan: [Int] = []
    private var isEarlyTurnAnswered = false
    private var isGreetedAfterTurn = false
    /// The call's first agent cannot be opened any more from this time on.
    private var failsOverFrom: Int?
    private var violations: [String] = []
    /// The milliseconds of the caller's audio that the model has heard.
    private(set) var modelHeard = 0
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

    /// The caller speaks again after a pause that does not end the turn.
    func callerGoesOn(for duration: Int) {
        guard let last = turns.indices.last else { return callerBegins(for: duration) }
        turns[last].ended = call.milliseconds + duration
        note("the caller goes on for \(duration) ms")
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

    /// - Parameter milliseconds: the length of the model's coming answer.
    func itemBegins(_ item: Int, milliseconds: Int) {
        itemsBegan[item] = call.milliseconds
        plannedMilliseconds[item] = milliseconds
        note("item \(item) begins")
    }

    func produced(_ item: Int, _ milliseconds: Int) { producedMilliseconds[item, default: 0] += milliseconds }

    /// The model's socket breaks.
    func modelIsLost() {
        lostAt = call.milliseconds
        note("the model's socket breaks")
    }

    /// The call's first agent cannot be opened any more.
    func mustFailOver() {
        failsOverFrom = call.milliseconds
        note("the agent is refused from now on")
    }

    func drains() {
        drainAt = call.milliseconds
        note("an operator lets the agent finish")
    }

    func handleGiven() { handleAt = call.milliseconds }

    func goodbyeBegins(_ item: Int) { goodbye = item }

    func pressed(_ key: String) {
        keys.append((key, call.milliseconds))
        note("the caller presses \(key)")
    }

    func sent(_ message: String) {
        messages.append((message, call.milliseconds))
        note("an operator sends \(message)")
    }

    func modelHears(_ milliseconds: Int) { modelHeard += milliseconds }

    /// The model was connected during a whole turn.
    func modelHas(heard milliseconds: Int, of duration: Int) {
        if milliseconds < duration { violation("the model heard \(milliseconds) ms of a turn of \(duration) ms") }
    }

    var isDraining: Bool { drainAt != nil }

    func functionReturns() {
        runningFunctions -= 1
        returnedAt = call.milliseconds
    }

    func carriedOut(_ tool: AgentToolCall) {
        runningFunctions += 1
        calledAt = call.milliseconds
        guard tool.arguments != SimulatedConversation.arguments else { return }
        violation("a function was carried out with \(tool.arguments)")
    }

    /// A model that we know has refused a message.
    func refused(_ text: String) { violation("a known model refuses \(text.prefix(80))") }

    func refusedAgain() { violation("the model is asked again for what it has refused") }

    /// The model begins to answer a turn by itself.
    func answers(_ turn: Int) {
        guard turn == 0, turns.count == 1 else { return }
        isEarlyTurnAnswered = true
        judgeGreeting()
    }

    private func judgeGreeting() {
        guard isEarlyTurnAnswered, isGreetedAfterTurn, lostAt == nil else { return }
        violation("the caller is greeted, and answered as well")
    }

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
        note("told \(text.prefix(240))")
        if call.language.isConfiguration(text) { sessionsBegan.append(call.milliseconds) }
        if call.language.isConfiguration(text), !text.contains(#""handle":"h""#) {
            setUps.append((call.milliseconds, call.told.count))
        }
        if let truncation = call.language.truncation(text), let item = Int(truncation.item.dropFirst(5)) {
            let heard = call.heardMilliseconds(of: item)
            if abs(heard - truncation.milliseconds) > 20 {
                violation("\(heard) ms of item \(item) were heard, the model was told \(truncation.milliseconds)")
            }
        }
        if text.contains(#""response.create""#), text.contains("instructions"),
            !text.contains(SimulatedConversation.instructions)
        {
            violation("the agent's instructions are replaced: \(text.prefix(100))")
        }
        if text.contains(SimulatedConversation.greeting), turns.count == 1, turns[0].ended < call.milliseconds {
            isGreetedAfterTurn = true
            judgeGreeting()
        }
        if text.contains(#""handle":"h""#), let handleAt,
            turns.contains(where: { $0.ended > handleAt && call.milliseconds > $0.began + 1000 })
        {
            violation("a handle is used past what it covers")
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
        judgeTold(endedAt)
        // A model that refuses something at every try is done without.
        if receipt.reason == .agentLost { violation("the model's session was given up") }
        judgeDrain(receipt, endedAt)
        judgeHeard()
        judgeFailover(receipt, endedAt)
        return violations
    }

    /// The longest time, in milliseconds, from the agent's refusal or loss until the next one is there: three attempts to
    /// open the first one, and the set-up of the next.
    private static let longestFailover = 4000

    private func judgeFailover(_ receipt: EndReceipt, _ endedAt: Int) {
        let decided = call.events.first { if case .agentFailedOver = $0.kind { true } else { false } }
        guard let failsOverFrom, endedAt > failsOverFrom + Self.longestFailover else { return }
        guard let decided else {
            let wasEnding = drainAt.map { $0 < failsOverFrom + Self.longestFailover } ?? false
            if !wasEnding, goodbye == nil { violation("no other agent took over") }
            return
        }
        let ready = call.events.first { if case .agentReady = $0.kind { $0.at >= decided.at } else { false } }
        if ready.map({ $0.at > decided.at + Self.longestFailover }) ?? true, endedAt > decided.at + Self.longestFailover
        {
            violation("the next agent was not there \(Self.longestFailover) ms after it took over")
        }
        let parts = call.record?.agentParts ?? []
        if parts.count != 2 || parts.first?.ended != parts.last?.began || parts.first?.reason == nil {
            violation("the record tells \(parts.count) agents: \(parts)")
        }
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

    private func judgeHeard() {
        for entry in call.record?.transcript ?? [] where entry.speaker == .agent {
            // The words of an item are its letter and its number: "a2a3" are those of two.
            let items = entry.text.split(separator: "a").compactMap { Int($0) }
            guard !items.isEmpty else { continue }
            let heard = items.reduce(0) { $0 + call.heardMilliseconds(of: $1) }
            let expected = entry.heardMilliseconds ?? items.reduce(0) { $0 + producedMilliseconds[$1, default: 0] }
            if abs(heard - expected) > 20 * items.count {
                let isCut = entry.isCut ? "cut" : "whole"
                violation("\(heard) ms of \(entry.text) were heard, recorded as \(expected), \(isCut)")
            }
        }
    }

    private func judgeDrain(_ receipt: EndReceipt, _ endedAt: Int) {
        guard let drainAt, receipt.reason == .endedByAPI, endedAt < drainAt + 25_000 else { return }
        let wasLost = lostAt.map { $0 > drainAt - 2000 } ?? false
        guard !wasLost else { return }
        for (item, began) in itemsBegan.sorted(by: { $0.key < $1.key }) {
            let planned = plannedMilliseconds[item] ?? 0
            let mayBeCut = turns.contains { $0.ended > began - 1500 && $0.began < began + planned + 6000 }
            guard !mayBeCut, lostAt.map({ abs($0 - began) > 8000 }) ?? true, began < endedAt - 300 else { continue }
            // A renewal that could wait no longer cut it, and the next session was told so.
            guard !sessionsBegan.contains(where: { (began...began + planned).contains($0) }) else { continue }
            let heard = call.heardMilliseconds(of: item)
            if planned - heard > 20 { violation("\(heard) of \(planned) ms of item \(item) were heard before the end") }
        }
        let isTold = returnedAt.map { at in itemsBegan.values.contains { $0 >= at } } ?? true
        let isCut = turns.contains { $0.ended > calledAt ?? 0 }
        if runningFunctions > 0 || !isTold, !isCut {
            violation("the call ended before the agent spoke of what came of a function")
        }
        guard let last = turns.last, last.isHeard, last.ended < endedAt else { return }
        let isAnswered = call.heardFrom.values.contains { $0 >= last.ended }
        if !isAnswered, endedAt < last.ended + 8000 { violation("the call ended before the answer that was owed") }
    }

    /// Keys and messages of the last seconds need not be told. A session that knows of nothing is told all.
    private func judgeTold(_ endedAt: Int) {
        let latest = min(endedAt, goodbye.flatMap { itemsBegan[$0] } ?? endedAt) - 8000
        let told = call.told.dropFirst(setUps.last { $0.at < latest }?.told ?? 0).map(\.text)
        let keysTold = told.filter { $0.contains("on the keypad") }.reduce(0) { sum, text in
            sum + text.split(separator: "keypad:").dropFirst().reduce(0) { $0 + $1.count { $0 == "5" } }
        }
        let pressed = keys.count { $0.at < latest }
        if keysTold < pressed { violation("the model was told \(keysTold) of \(pressed) keys") }
        for message in messages where message.at < latest && !told.contains(where: { $0.contains(message.text) }) {
            violation("the model was not told \(message.text)")
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
