import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators

/// A call that is captured for the tests.
struct CaptureScene {
    var name: String
    var phone = PhoneScript()
    /// Recorded messages, which replace the simulated person.
    var lines: MediaStreamReplay?
    var agent: AgentScript
    var faults: [AgentFault] = []
    /// The time after the stream's beginning at which the carrier reports an answering machine.
    var machineAfter: Duration?
    /// The delay of the carrier's marks.
    var markDelay = Duration.zero
    var ending: EndReason
    /// The time after the stream's beginning at which the control API ends the call.
    var endsAfter: Duration?
    var change: @Sendable (inout ServerConfiguration) -> Void = { _ in }

    static func all(fixtures: String) throws -> [CaptureScene] {
        [
            plain, bargeIns, midWord, keys, tool, lost, voicemail,
            try recorded("gap", "gap", fixtures), try recorded("duplicates", "duplicates", fixtures), endedByAPI,
            lateMarks, loop,
        ]
    }

    private static func agentTurn(
        _ trigger: AgentScript.Turn.Trigger,
        _ number: Int,
        _ milliseconds: Int,
        saying words: String
    ) -> AgentScript.Turn {
        var turn = SyntheticSpeech.agentTurn(trigger, number: number, lasting: .milliseconds(milliseconds))
        turn.transcript = words
        return turn
    }

    private static func callerTurn(
        _ moment: PhoneScript.Turn.Moment,
        _ number: Int,
        _ milliseconds: Int = 700,
        saying words: String
    ) -> PhoneScript.Turn {
        var turn = SyntheticSpeech.callerTurn(moment, number: number, lasting: .milliseconds(milliseconds))
        turn.text = words
        return turn
    }

    private static func script(_ turns: [AgentScript.Turn], _ phone: PhoneScript) -> AgentScript {
        AgentScript(turns: turns, callerTexts: phone.turns.map(\.text), thinkingTime: .milliseconds(100))
    }

    private static let soon = PhoneScript.Turn.Moment.agentEnds(after: .milliseconds(150))

    private static var plain: CaptureScene {
        let phone = PhoneScript(
            turns: [
                callerTurn(soon, 0, saying: "When do you open?"), callerTurn(soon, 1, saying: "Thank you, goodbye."),
            ],
            ending: .hangsUpWhenAgentEnds(after: .milliseconds(200))
        )
        let agent = script(
            [
                agentTurn(.connect, 0, 900, saying: "Harbour Street clinic, good morning."),
                agentTurn(.callerTurn, 1, 1000, saying: "We open at eight."),
                agentTurn(.callerTurn, 2, 600, saying: "Goodbye."),
            ],
            phone
        )
        return CaptureScene(name: "plain-conversation", phone: phone, agent: agent, ending: .callerHangup)
    }

    private static var bargeIns: CaptureScene {
        let moment = PhoneScript.Turn.Moment.agentStarts(after: .milliseconds(700))
        let phone = PhoneScript(
            turns: [
                callerTurn(soon, 0, saying: "Tell me everything."),
                callerTurn(moment, 1, saying: "Stop, something else."),
                callerTurn(moment, 2, saying: "No, not that."), callerTurn(moment, 3, saying: "Enough."),
            ],
            ending: .hangsUpWhenAgentEnds(after: .milliseconds(200))
        )
        let agent = script(
            [
                agentTurn(.connect, 0, 600, saying: "Hello."),
                agentTurn(.callerTurn, 1, 3500, saying: "It all began a long time ago."),
                agentTurn(.callerTurn, 2, 3500, saying: "Then there is the other story."),
                agentTurn(.callerTurn, 3, 3500, saying: "There are many more."),
                agentTurn(.callerTurn, 4, 500, saying: "Goodbye."),
            ],
            phone
        )
        return CaptureScene(name: "three-barge-ins", phone: phone, agent: agent, ending: .callerHangup)
    }

    private static var midWord: CaptureScene {
        let phone = PhoneScript(
            turns: [callerTurn(.agentStarts(after: .milliseconds(500)), 0, saying: "Wait, wrong number.")],
            ending: .hangsUp(after: .zero)
        )
        let agent = script([agentTurn(.connect, 0, 3000, saying: "Harbour Street clinic, what can I do?")], phone)
        return CaptureScene(name: "hang-up-mid-word", phone: phone, agent: agent, ending: .callerHangup)
    }

    private static var keys: CaptureScene {
        let phone = PhoneScript(
            turns: [.init(soon, .keys("42#"), text: "42#")],
            ending: .hangsUpWhenAgentEnds(after: .milliseconds(1200))
        )
        let agent = script([agentTurn(.connect, 0, 700, saying: "Dial your number, please.")], phone)
        return CaptureScene(
            name: "dtmf",
            phone: phone,
            agent: agent,
            ending: .endedByAPI,
            endsAfter: .milliseconds(4500)
        )
    }

    private static var tool: CaptureScene {
        let phone = PhoneScript(turns: [callerTurn(soon, 0, saying: "Is it raining?")])
        var asking = agentTurn(.callerTurn, 1, 500, saying: "Let me see.")
        asking.toolCall = .init(name: "weather", arguments: #"{"place":"here"}"#)
        var goodbye = agentTurn(.toolResult, 2, 700, saying: "It is. Goodbye.")
        goodbye.toolCall = .init(name: "end_call")
        let agent = script([agentTurn(.connect, 0, 600, saying: "Hello."), asking, goodbye], phone)
        return CaptureScene(name: "tool-call", phone: phone, agent: agent, ending: .agentHangup) { configuration in
            configuration.agent.tools = CaptureStage.tools.tools
        }
    }

    private static var lost: CaptureScene {
        let phone = PhoneScript(
            turns: [callerTurn(soon, 0, saying: "Are you there?")]
        )
        let agent = script(
            [
                agentTurn(.connect, 0, 1500, saying: "Hello, this is a long greeting."),
                agentTurn(.callerTurn, 1, 800, saying: "Yes, I am here."),
            ],
            phone
        )
        return CaptureScene(
            name: "agent-lost-and-resumed",
            phone: phone,
            agent: agent,
            faults: [AgentFault(.vanish, at: .elapsed(.milliseconds(1500)), sessions: 0...0)],
            ending: .endedByAPI,
            endsAfter: .milliseconds(5500)
        )
    }

    private static var voicemail: CaptureScene {
        let phone = PhoneScript(
            turns: [callerTurn(.start(after: .milliseconds(100)), 0, saying: "Leave a message after the tone.")]
        )
        let agent = script([agentTurn(.connect, 0, 900, saying: "Hello?")], phone)
        return CaptureScene(
            name: "voicemail",
            phone: phone,
            agent: agent,
            machineAfter: .milliseconds(1800),
            ending: .voicemail
        ) { configuration in
            configuration.limits.machineDetection = .enable
        }
    }

    private static func recorded(_ name: String, _ file: String, _ fixtures: String) throws -> CaptureScene {
        let lines = try MediaStreamReplay(file: "\(fixtures)/twilio/\(file).jsonl")
        let agent = AgentScript(
            turns: [agentTurn(.connect, 0, 700, saying: "Hello.")],
            thinkingTime: .milliseconds(100)
        )
        return CaptureScene(name: name, lines: lines, agent: agent, ending: .callerHangup)
    }

    private static var endedByAPI: CaptureScene {
        let phone = PhoneScript(turns: [callerTurn(soon, 0, saying: "Tell me something.")])
        let agent = script(
            [
                agentTurn(.connect, 0, 600, saying: "Hello."),
                agentTurn(.callerTurn, 1, 4000, saying: "Once upon a time."),
            ],
            phone
        )
        return CaptureScene(
            name: "ended-mid-answer",
            phone: phone,
            agent: agent,
            ending: .endedByAPI,
            endsAfter: .milliseconds(3500)
        )
    }

    /// The carrier echoes marks 600 ms late, so that echoes of cleared audio arrive during the next answer.
    private static var lateMarks: CaptureScene {
        let moment = PhoneScript.Turn.Moment.agentStarts(after: .milliseconds(900))
        let phone = PhoneScript(
            turns: [
                // Late enough that the bridge knows that the greeting was played.
                callerTurn(.agentEnds(after: .milliseconds(900)), 0, saying: "Tell me everything."),
                callerTurn(moment, 1, saying: "Stop, something else."), callerTurn(moment, 2, saying: "Enough."),
            ],
            ending: .hangsUpWhenAgentEnds(after: .milliseconds(200))
        )
        let agent = script(
            [
                agentTurn(.connect, 0, 600, saying: "Hello."),
                agentTurn(.callerTurn, 1, 3500, saying: "It all began a long time ago."),
                agentTurn(.callerTurn, 2, 3500, saying: "Then there is the other story."),
                agentTurn(.callerTurn, 3, 500, saying: "Goodbye."),
            ],
            phone
        )
        return CaptureScene(
            name: "late-marks",
            phone: phone,
            agent: agent,
            markDelay: .milliseconds(600),
            ending: .callerHangup
        )
    }

    /// Two machines that do not understand each other. The guard is set to notice early, which keeps the fixture short.
    private static var loop: CaptureScene {
        let phone = PhoneScript(
            turns: (0..<12).map { callerTurn(soon, $0, 400, saying: "I did not understand. Please say that again.") }
        )
        let agent = script(
            [agentTurn(.connect, 0, 400, saying: "How can I help you today?")]
                + (1...12).map { agentTurn(.callerTurn, $0, 400, saying: "Sorry, how can I help you today?") },
            phone
        )
        return CaptureScene(name: "loop", phone: phone, agent: agent, ending: .loopDetected) { configuration in
            configuration.limits.loopGuard = LoopGuardPolicy(warnScore: 0.3, endScore: 0.5, minimumTurns: 4)
        }
    }
}
