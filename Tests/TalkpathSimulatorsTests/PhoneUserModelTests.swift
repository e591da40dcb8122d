import TalkpathAudio
import Testing

@testable import TalkpathSimulators

/// A person who hears the test's audio, 20 ms at a time on virtual time.
private struct Line {
    var user: PhoneUserModel
    var heardFrames = 0
    var events: [(milliseconds: Int, what: PhoneUserModel.Event)] = []

    init(_ script: PhoneScript) {
        user = PhoneUserModel(script: script, start: .milliseconds(0))
    }

    /// Plays that much of the agent's voice, or silence.
    mutating func play(_ milliseconds: Int, voice: Bool) {
        let audio = voice ? loud(milliseconds: milliseconds) : [UInt8](repeating: 0xFF, count: milliseconds * 8)
        for start in stride(from: 0, to: audio.count, by: 160) {
            let now = (heardFrames + 1) * 20
            heardFrames += 1
            var new: [PhoneUserModel.Event] = []
            _ = user.next(hearing: Array(audio[start..<start + 160]), at: .milliseconds(now)) { new.append($0) }
            events.append(contentsOf: new.map { (now, $0) })
        }
    }

    func time(of event: PhoneUserModel.Event) -> Int? {
        events.first { $0.what == event }?.milliseconds
    }
}

struct PhoneUserModelTests {
    private static let speech = SyntheticSpeech.callerTurn(.start(after: .zero), number: 0).content

    private func script(
        _ moments: [PhoneScript.Turn.Moment],
        ending: PhoneScript.Ending = .staysSilent,
        patience: Duration? = nil
    ) -> PhoneScript {
        PhoneScript(turns: moments.map { .init($0, Self.speech, patience: patience) }, ending: ending)
    }

    @Test func `a turn begins after the agent has ended audibly`() throws {
        var line = Line(script([.agentEnds(after: .milliseconds(600))]))
        line.play(400, voice: false)
        line.play(1000, voice: true)
        line.play(2000, voice: false)
        let start = try #require(line.time(of: .startedTurn(0)))
        #expect((1980...2040).contains(start))
    }

    @Test func `a pause shorter than the delay does not end the agent's turn`() throws {
        var line = Line(script([.agentEnds(after: .milliseconds(700))]))
        line.play(600, voice: true)
        line.play(500, voice: false)
        line.play(600, voice: true)
        line.play(1500, voice: false)
        let start = try #require(line.time(of: .startedTurn(0)))
        #expect((2380...2440).contains(start))
    }

    @Test func `an interruption is timed from the answer's beginning`() throws {
        var line = Line(script([.start(after: .zero), .agentStarts(after: .milliseconds(500))]))
        line.play(1500, voice: false)
        line.play(2000, voice: true)
        let start = try #require(line.time(of: .startedTurn(1)))
        #expect((1980...2060).contains(start))
    }

    @Test func `an interrupted answer does not answer the interruption`() throws {
        var line = Line(script([.agentStarts(after: .milliseconds(400)), .agentEnds(after: .milliseconds(300))]))
        // After the interruption at about 400 ms, the agent speaks on for a little, then answers anew.
        line.play(700, voice: true)
        line.play(1500, voice: false)
        #expect(line.time(of: .startedTurn(1)) == nil)
        line.play(800, voice: true)
        line.play(1000, voice: false)
        let start = try #require(line.time(of: .startedTurn(1)))
        #expect((3380...3460).contains(start))
    }

    @Test func `a person with patience speaks to a silent agent, and the turn is known to be impatient`() throws {
        var line = Line(script([.agentEnds(after: .zero)], patience: .seconds(3)))
        line.play(4000, voice: false)
        #expect(try #require(line.time(of: .startedTurn(0))) == 3000)
        #expect(line.user.impatientTurns == [0] && line.user.turnsLeft == 0)
    }

    @Test func `a person with patience lets an agent finish that speaks for longer`() throws {
        var line = Line(
            script([.agentEnds(after: .milliseconds(700)), .agentEnds(after: .zero)], patience: .seconds(3))
        )
        line.play(1000, voice: false)
        line.play(6000, voice: true)
        line.play(1500, voice: false)
        let start = try #require(line.time(of: .startedTurn(0)))
        #expect((7680...7760).contains(start))
        #expect(line.user.impatientTurns.isEmpty && line.user.turnsLeft == 1)
    }

    @Test func `the person hangs up after the last answer`() throws {
        var line = Line(script([.start(after: .zero)], ending: .hangsUpWhenAgentEnds(after: .milliseconds(500))))
        line.play(1200, voice: false)
        line.play(600, voice: true)
        line.play(1500, voice: false)
        let end = try #require(line.time(of: .hungUp))
        #expect((2280...2340).contains(end))
        #expect(line.events.filter { $0.what == .hungUp }.count == 1)
    }

    @Test func `the person's audio is the script at its times with faint noise around it`() {
        var line = Line(script([.previous(after: .milliseconds(200))]))
        line.play(2000, voice: false)
        let said = line.user.said.map(MuLaw.decode)
        // The model's first frame here is the one at 20 ms.
        let start = (200 - 20) * 8
        #expect(said.prefix(start).allSatisfy { abs($0) < 100 })
        #expect(SyntheticSpeech.number(of: said[start..<start + 7000], rate: 8000) == 1)
        #expect(said.suffix(800).allSatisfy { abs($0) < 100 })
    }

    @Test func `the line's noise is never taken for speech`() {
        var detector = VoiceActivityDetector()
        var noise = LineNoise(level: -60, background: [], seed: 7)
        for _ in 0..<500 { #expect(detector.process(muLaw: noise.frame().span.bytes) == nil) }
    }
}
