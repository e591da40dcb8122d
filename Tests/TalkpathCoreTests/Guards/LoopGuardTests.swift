import Foundation
import TalkpathSimulation
import Testing

@testable import TalkpathCore

/// The corpus: calls that loop and calls that do not. `TALKPATH_LOOPS=1` prints each verdict.
struct LoopGuardTests {
    private static let isPrinting = ProcessInfo.processInfo.environment["TALKPATH_LOOPS"] != nil

    /// The guard must end the call within that many turns of both sides, counted from the loop's first turn.
    private static let turnsToEnd = 32
    /// Calls whose far end takes more than four seconds for each answer, or speaks in pieces.
    private static let turnsToEndSlowly = 48
    /// Calls so repetitive that they may seem to loop for a while.
    private static let suspicious: Set<String> = ["menu-stubborn"]

    @Test func `the corpus is complete`() {
        #expect(LoopCorpus.looping.count >= 18)
        #expect(LoopCorpus.honest.count >= 25)
        #expect(LoopCorpus.honest.contains { $0.turns.count > 40 })
    }

    @Test(arguments: LoopCorpus.looping)
    func `a call that loops is reported, and then ended in time`(call: LoopCorpus.Call) throws {
        let course = LoopGuard.course(of: call.turns)
        Self.show(call, course)
        let warned = try #require(course.warnedAt)
        let ended = try #require(course.endedAt)
        #expect(warned > call.loopBegins && warned < ended)
        let isSlow = ["slow", "fragments"].contains(call.name)
        #expect(ended - call.loopBegins <= (isSlow ? Self.turnsToEndSlowly : Self.turnsToEnd))
    }

    @Test(arguments: LoopCorpus.honest)
    func `an honest call is neither ended nor suspected`(call: LoopCorpus.Call) {
        let course = LoopGuard.course(of: call.turns)
        Self.show(call, course)
        #expect(course.endedAt == nil)
        #expect(course.warnedAt == nil || Self.suspicious.contains(call.name))
    }

    @Test(arguments: LoopCorpus.honest)
    func `an honest call without known pauses is not ended, either`(call: LoopCorpus.Call) {
        let course = LoopGuard.course(of: call.turns.map { LoopGuard.Turn($0.speaker, $0.text) })
        Self.show(call, course)
        #expect(course.endedAt == nil)
    }

    @Test(arguments: LoopCorpus.honest)
    func `an honest call with recognition errors is not ended`(call: LoopCorpus.Call) {
        for seed in 0..<20 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            #expect(LoopGuard.course(of: call.turns.map { Self.garbled($0, percent: 15, &random) }).endedAt == nil)
        }
    }

    @Test(arguments: LoopCorpus.looping.filter { !$0.name.hasPrefix("bad") })
    func `a loop with recognition errors is found, somewhat later`(call: LoopCorpus.Call) {
        let circle = call.turns.dropFirst(call.loopBegins)
        let long = Array(call.turns + circle + circle + circle + circle)
        var worst = 0
        for seed in 0..<20 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            let course = LoopGuard.course(of: long.map { Self.garbled($0, percent: 5, &random) })
            worst = max(worst, (course.endedAt ?? .max) - call.loopBegins)
        }
        if Self.isPrinting { print("GARBLED", call.name, worst) }
        #expect(worst <= (call.name == "slow" ? 140 : 70))
    }

    // MARK: Policy

    private static func circle(_ turns: Int) -> [LoopGuard.Turn] {
        (0..<turns).map {
            LoopGuard.Turn(
                $0 % 2 == 0 ? .agent : .caller,
                $0 % 2 == 0 ? "How can I help you?" : "No, how can I help you?"
            )
        }
    }

    @Test func `the score stays between 0 and 1, and rises with each turn of a loop`() {
        var loop = LoopGuard(policy: LoopGuardPolicy(endScore: nil))
        var last = 0.0
        for turn in Self.circle(60) {
            _ = loop.add(turn)
            #expect(loop.score >= last && loop.score <= 1)
            last = loop.score
        }
        #expect(last == 1)
        #expect(loop.turns == 60)
    }

    @Test func `a call that leaves the loop is not ended for it`() {
        var loop = LoopGuard()
        var verdicts: [LoopGuard.Verdict] = []
        let news = LoopCorpus.honest.first { $0.name == "support" }?.turns ?? []
        for _ in 0..<3 {
            for turn in Self.circle(13) + news.prefix(20) {
                if let verdict = loop.add(turn) { verdicts.append(verdict) }
            }
            #expect(loop.score == 0)
        }
        // Reported each time, and never ended.
        #expect(verdicts.count >= 1 && verdicts.count <= 3)
        #expect(verdicts.allSatisfy { if case .suspected(let score) = $0 { score >= 0.6 } else { false } })
    }

    @Test func `without an end score a loop is only reported`() {
        let course = LoopGuard.course(of: Self.circle(200), policy: LoopGuardPolicy(endScore: nil))
        #expect(course.warnedAt != nil)
        #expect(course.endedAt == nil)
    }

    @Test func `a call is not ended before its fewest turns, and always after its most turns`() {
        let patient = LoopGuard.course(of: Self.circle(80), policy: LoopGuardPolicy(minimumTurns: 50))
        #expect(patient.endedAt == 50)
        let honest = LoopCorpus.honest.first { $0.name == "support" }?.turns ?? []
        let bounded = LoopGuard.course(of: honest, policy: LoopGuardPolicy(maximumTurns: 30))
        #expect(bounded.endedAt == 30)
        #expect(bounded.verdict == .tooManyTurns)
    }

    @Test func `turns without words do not count, and after the end the guard reports no more`() {
        var loop = LoopGuard()
        _ = loop.add(LoopGuard.Turn(.caller, " … "))
        #expect(loop.turns == 0)
        var verdicts = 0
        for turn in Self.circle(100) where loop.add(turn) != nil { verdicts += 1 }
        #expect(verdicts == 2)
    }

    @Test func `repetitions of one side alone are not a loop`() {
        var loop = LoopGuard()
        for _ in 0..<200 { _ = loop.add(LoopGuard.Turn(.caller, "Please hold the line.")) }
        #expect(loop.score == 0)
    }

    // MARK: Support

    /// The text as a recogniser hears it on a bad line: words are lost, cut short or doubled.
    private static func garbled(_ turn: LoopGuard.Turn, percent: Int, _ random: inout SplitMix64) -> LoopGuard.Turn {
        let words = turn.text.split(separator: " ").flatMap { word -> [Substring] in
            guard Int(random.next() % 100) < percent else { return [word] }
            switch random.next() % 3 {
            case 0: return []
            case 1: return [word.prefix(max(1, word.count / 2))]
            default: return [word, word]
            }
        }
        var turn = turn
        turn.text = words.joined(separator: " ")
        return turn
    }

    private static func show(_ call: LoopCorpus.Call, _ course: LoopGuard.Course) {
        guard isPrinting else { return }
        let ended = course.endedAt.map { "\($0 - call.loopBegins)" } ?? "-"
        print("LOOP", call.name, "highest", Int(course.highest * 100), "warned", course.warnedAt ?? "-", "ended", ended)
    }
}
