import TalkpathAudio
import Testing

@testable import TalkpathCore

struct SilenceGuardTests {
    @Test func `a line without audio ends the call, even while the agent speaks`() throws {
        for isAgentHeard in [true, false] {
            var silence = SilenceGuard(timeout: .seconds(10))
            var clock = GuardClock()
            let end = try #require(
                clock.run(.seconds(60)) {
                    silence.watch(lastAudio: nil, lastSound: nil, isAgentHeard: isAgentHeard, at: $0)
                }
            )
            #expect(end.after == .milliseconds(10_020))
            #expect(end.verdict == "no audio came from the caller")
        }
    }

    @Test func `a line whose audio stops in the middle of a call ends it`() throws {
        var silence = SilenceGuard(timeout: .seconds(10))
        var clock = GuardClock()
        let talk = clock.run(.seconds(30)) {
            silence.watch(lastAudio: $0, lastSound: $0, isAgentHeard: false, at: $0)
        }
        #expect(talk == nil)
        let last = clock.now
        let end = try #require(
            clock.run(.seconds(60)) { silence.watch(lastAudio: last, lastSound: last, isAgentHeard: true, at: $0) }
        )
        #expect(end.after == .seconds(10))
    }

    @Test func `silence alone ends the call, and the time in which the caller listens does not count`() throws {
        var silence = SilenceGuard(timeout: .seconds(10))
        var clock = GuardClock()
        for _ in 0..<3 {
            #expect(
                clock.run(.seconds(3)) {
                    silence.watch(lastAudio: $0, lastSound: nil, isAgentHeard: false, at: $0)
                } == nil
            )
            #expect(
                clock.run(.seconds(300)) {
                    silence.watch(lastAudio: $0, lastSound: nil, isAgentHeard: true, at: $0)
                } == nil
            )
        }
        let end = try #require(
            clock.run(.seconds(60)) { silence.watch(lastAudio: $0, lastSound: nil, isAgentHeard: false, at: $0) }
        )
        #expect(end.verdict == "the caller's line was silent")
        #expect(end.after >= .seconds(1) && end.after <= .milliseconds(1100))
    }

    @Test func `a single sound is a sign of life`() throws {
        var silence = SilenceGuard(timeout: .seconds(10))
        var clock = GuardClock()
        for _ in 0..<5 {
            #expect(
                clock.run(.seconds(9)) {
                    silence.watch(lastAudio: $0, lastSound: nil, isAgentHeard: false, at: $0)
                } == nil
            )
            #expect(
                clock.run(.milliseconds(20)) {
                    silence.watch(lastAudio: $0, lastSound: $0, isAgentHeard: false, at: $0)
                } == nil
            )
        }
    }
}
