import TalkpathAudio
import Testing

@testable import TalkpathCore

struct IdleGuardTests {
    private static func quiet(_ idle: inout IdleGuard, _ now: MonotonicInstant) -> IdleGuard.Verdict? {
        idle.watch(isCallerActive: false, isAgentActive: false, at: now)
    }

    @Test func `a call without speech ends after the limit and not earlier`() throws {
        var idle = IdleGuard(timeout: .seconds(10))
        var clock = GuardClock()
        let end = try #require(clock.run(.seconds(60)) { Self.quiet(&idle, $0) })
        #expect(end.verdict == .end)
        // The first tick starts the clock.
        #expect(end.after == .milliseconds(10_020))
    }

    @Test func `speech of either side starts the time anew`() throws {
        for isCaller in [true, false] {
            var idle = IdleGuard(timeout: .seconds(10))
            var clock = GuardClock()
            for _ in 0..<5 {
                #expect(clock.run(.seconds(9)) { Self.quiet(&idle, $0) } == nil)
                let speech = clock.run(.seconds(30)) {
                    idle.watch(isCallerActive: isCaller, isAgentActive: !isCaller, at: $0)
                }
                #expect(speech == nil)
            }
            let end = try #require(clock.run(.seconds(60)) { Self.quiet(&idle, $0) })
            #expect(end.after == .seconds(10))
        }
    }

    @Test func `the agent is asked to speak a set number of times, with a wait after each, and then the call ends`()
        throws
    {
        let prompt = IdlePrompt("Ask.", times: 2, patience: .seconds(5))
        var idle = IdleGuard(timeout: .seconds(10), prompt: prompt)
        var clock = GuardClock()
        for pause in [Duration.milliseconds(10_020), .seconds(5)] {
            let asked = try #require(clock.run(.seconds(60)) { Self.quiet(&idle, $0) })
            #expect(asked.verdict == .prompt("Ask."))
            #expect(asked.after == pause)
            let heard = clock.run(.seconds(3)) { idle.watch(isCallerActive: false, isAgentActive: true, at: $0) }
            #expect(heard == nil)
        }
        let end = try #require(clock.run(.seconds(60)) { Self.quiet(&idle, $0) })
        #expect(end.verdict == .end)
        #expect(end.after == .seconds(5))
    }

    @Test func `a prompt that the agent does not say is waited for as if it were said`() throws {
        var idle = IdleGuard(timeout: .seconds(10), prompt: IdlePrompt("Ask.", patience: .seconds(5)))
        var clock = GuardClock()
        #expect(clock.run(.seconds(60)) { Self.quiet(&idle, $0) }?.verdict == .prompt("Ask."))
        let end = try #require(clock.run(.seconds(60)) { Self.quiet(&idle, $0) })
        #expect(end.verdict == .end)
        #expect(end.after == .seconds(5))
    }

    @Test func `a caller who answers the prompt gets all prompts again`() throws {
        var idle = IdleGuard(timeout: .seconds(10), prompt: IdlePrompt("Ask."))
        var clock = GuardClock()
        for _ in 0..<4 {
            #expect(clock.run(.seconds(60)) { Self.quiet(&idle, $0) }?.verdict == .prompt("Ask."))
            #expect(clock.run(.seconds(1)) { idle.watch(isCallerActive: true, isAgentActive: false, at: $0) } == nil)
        }
    }
}
