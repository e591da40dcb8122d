import TalkpathAudio
import Testing

@testable import TalkpathCore

struct CallGuardsTests {
    private static func limits(_ change: (inout CallLimits) -> Void = { _ in }) -> CallLimits {
        var limits = CallLimits()
        change(&limits)
        return limits
    }

    /// A line with sound but without speech.
    private static func line(_ now: MonotonicInstant, isAgentHeard: Bool = false) -> CallGuards.Line {
        CallGuards.Line(lastAudio: now, lastSound: now, isAgentHeard: isAgentHeard, isAgentReady: true)
    }

    @Test func `by default a call without speech ends after two minutes, and one on a dead line earlier`() throws {
        var guards = CallGuards(limits: CallLimits())
        var clock = GuardClock()
        let idle = try #require(clock.run(.seconds(300)) { guards.watch(Self.line($0), at: $0) })
        #expect(idle.verdict == .end(.idleTimeout, note: nil))
        #expect(idle.after == .milliseconds(120_020))
        guards = CallGuards(limits: CallLimits())
        let dead = try #require(clock.run(.seconds(300)) { guards.watch(CallGuards.Line(), at: $0) })
        #expect(dead.verdict == .end(.silenceTimeout, note: "no audio came from the caller"))
        #expect(dead.after == .milliseconds(90_020))
    }

    @Test func `guards that are off end no call`() {
        let limits = Self.limits {
            $0.idleTimeout = nil
            $0.silenceTimeout = nil
            $0.agentSilenceTimeout = nil
            $0.loopGuard = nil
        }
        var guards = CallGuards(limits: limits)
        var clock = GuardClock()
        guards.agent?.modelHeardEnd(at: clock.now)
        #expect(clock.run(.seconds(4000)) { guards.watch(CallGuards.Line(), at: $0) } == nil)
        for _ in 0..<200 {
            for speaker in [TranscriptEntry.Speaker.agent, .caller] {
                #expect(guards.turnEnded(TranscriptEntry(speaker: speaker, text: "Hello", milliseconds: 0)) == nil)
            }
        }
        #expect(guards.loop == nil)
    }

    @Test func `a key is a sign of life, and so is a function that the agent waits for`() throws {
        var guards = CallGuards(limits: Self.limits { $0.idleTimeout = .seconds(10) })
        var clock = GuardClock()
        for _ in 0..<3 {
            #expect(clock.run(.seconds(9)) { guards.watch(Self.line($0), at: $0) } == nil)
            guards.keyPressed()
        }
        guards.agent?.toolCalled("f", at: clock.now)
        #expect(clock.run(.seconds(30)) { guards.watch(Self.line($0), at: $0) } == nil)
        guards.agent?.toolFinished("f", at: clock.now)
        let end = try #require(clock.run(.seconds(60)) { guards.watch(Self.line($0), at: $0) })
        #expect(end.verdict == .end(.idleTimeout, note: nil))
        #expect(end.after == .seconds(10))
    }

    @Test func `the guards tell a prompt, a silent agent and a loop apart`() {
        let limits = Self.limits {
            $0.idleTimeout = .seconds(10)
            $0.idlePrompt = IdlePrompt("Ask.")
            $0.agentSilenceTimeout = .seconds(5)
            $0.loopGuard = LoopGuardPolicy(warnScore: 0.1, endScore: 0.2, minimumTurns: 2)
        }
        var guards = CallGuards(limits: limits)
        var clock = GuardClock()
        guards.agent?.modelHeardEnd(at: clock.now)
        #expect(clock.run(.seconds(60)) { guards.watch(Self.line($0), at: $0) }?.verdict == .askAgent)
        #expect(clock.run(.seconds(60)) { guards.watch(Self.line($0), at: $0) }?.verdict == .agentIsSilent)
        // The agent's socket is being opened again.
        let asked = clock.run(.seconds(60)) { now in
            var line = Self.line(now)
            line.isAgentReady = false
            return guards.watch(line, at: now)
        }
        #expect(asked?.verdict == .prompt("Ask."))
        var verdicts: [CallGuards.Verdict] = []
        for number in 0..<20 {
            let speaker: TranscriptEntry.Speaker = number % 2 == 0 ? .agent : .caller
            let turn = TranscriptEntry(speaker: speaker, text: "How can I help?", milliseconds: 0)
            if let verdict = guards.turnEnded(turn) { verdicts.append(verdict) }
        }
        #expect(verdicts.count == 2)
        if case .loopSuspected(let score) = verdicts.first { #expect(score >= 0.1) } else { Issue.record("not warned") }
        #expect(verdicts.last == .end(.loopDetected, note: nil))
    }

    @Test func `a caller who takes time to think does not count as a machine`() {
        func score(pause: Duration) -> Double {
            var guards = CallGuards(limits: CallLimits())
            var clock = GuardClock()
            for _ in 0..<6 {
                _ = clock.run(.seconds(2)) { guards.watch(Self.line($0, isAgentHeard: true), at: $0) }
                _ = guards.turnEnded(TranscriptEntry(speaker: .agent, text: "How can I help?", milliseconds: 0))
                _ = clock.run(pause) { guards.watch(Self.line($0), at: $0) }
                _ = clock.run(.seconds(1)) { now in
                    var line = Self.line(now)
                    line.isCallerSpeaking = true
                    return guards.watch(line, at: now)
                }
                _ = guards.turnEnded(TranscriptEntry(speaker: .caller, text: "How can I help you?", milliseconds: 0))
            }
            return guards.loop?.score ?? 0
        }
        #expect(score(pause: .seconds(1)) > 0.6)
        #expect(score(pause: .seconds(6)) < 0.3)
    }

    @Test func `the caller's pause runs from the last word of either side`() {
        var pause = CallerPause()
        var clock = GuardClock()
        func pass(_ duration: Duration, caller: Bool = false, agent: Bool = false) {
            _ = clock.run(duration) { now -> Bool? in
                pause.watch(isCallerSpeaking: caller, isAgentHeard: agent, at: now)
                return nil
            }
        }
        pass(.seconds(1))
        pass(.seconds(1), caller: true)
        #expect(pause.duration == nil)
        pass(.seconds(3), agent: true)
        pass(.seconds(2))
        pass(.milliseconds(500), caller: true)
        #expect(pause.duration == .milliseconds(2020))
        pass(.milliseconds(300))
        pass(.seconds(1), caller: true)
        #expect(pause.duration == .milliseconds(320))
        pass(.seconds(1), agent: true)
        pass(.milliseconds(200), caller: true, agent: true)
        #expect(pause.duration == .milliseconds(20))
    }
}
