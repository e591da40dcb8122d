internal import Foundation
internal import TalkpathAudio

/// Both sides of a call as rules: the words of the person on the phone and of the speech model, and their times.
///
/// ```swift
/// let call = try Conversation(directory: "fixtures/calls/barge-in")
/// let phone = call.phone, model = call.agent
/// ```
public struct Conversation: Sendable {
    /// The result that a bridge should reach. Counts are exact; times depend on the bridge's own delay.
    public struct Expectation: Sendable, Hashable {
        public var callerTurns: Int
        public var agentAnswers: Int
        public var interruptions: Int
        public var callerSpeechMilliseconds: Int
        public var agentAudioMilliseconds: Int
        public var agentHeardMilliseconds: Int?
        public var durationMilliseconds: Int?
    }

    public var name: String
    public var phone: PhoneScript
    public var agent: AgentScript
    public var expected: Expectation

    public init(name: String, phone: PhoneScript, agent: AgentScript, expected: Expectation) {
        self.name = name
        self.phone = phone
        self.agent = agent
        self.expected = expected
    }

    /// A conversation in turns of synthetic speech: the agent greets, then caller and agent alternate.
    ///
    /// Each utterance has a pitch of its own, by which ``SyntheticSpeech/number(of:rate:upTo:)`` recognises it.
    ///
    /// - Parameters:
    ///   - turns: the number of the caller's turns.
    ///   - interruption: the caller's turn, counted from 0, that interrupts the agent's answer, and its delay from the
    ///     beginning of that answer. The interrupted answer is `longAnswer` long.
    public static func synthetic(
        turns: Int = 2,
        callerSpeech: Duration = .milliseconds(900),
        agentSpeech: Duration = .milliseconds(1200),
        longAnswer: Duration = .seconds(6),
        pause: Duration = .milliseconds(500),
        interruption: (turn: Int, after: Duration)? = nil,
        endsWith tool: AgentScript.ToolCall? = nil
    ) -> Conversation {
        var caller: [PhoneScript.Turn] = []
        var agent = [SyntheticSpeech.agentTurn(.connect, number: 0, lasting: agentSpeech)]
        for turn in 0..<turns {
            let interrupts = interruption?.turn == turn
            let moment: PhoneScript.Turn.Moment =
                interrupts ? .agentStarts(after: interruption?.after ?? pause) : .agentEnds(after: pause)
            caller.append(SyntheticSpeech.callerTurn(moment, number: turn, lasting: callerSpeech))
            let isBrokenInto = interruption?.turn == turn + 1
            var answer = SyntheticSpeech.agentTurn(
                .callerTurn,
                number: turn + 1,
                lasting: isBrokenInto ? longAnswer : agentSpeech
            )
            if turn == turns - 1 { answer.toolCall = tool }
            agent.append(answer)
        }
        let ending: PhoneScript.Ending = tool == nil ? .hangsUpWhenAgentEnds(after: pause) : .staysSilent
        let spoken = agent.reduce(0) { $0 + $1.audio.count / 24 }
        return Conversation(
            name: "synthetic",
            phone: PhoneScript(turns: caller, ending: ending),
            agent: AgentScript(turns: agent, callerTexts: caller.map(\.text)),
            expected: Expectation(
                callerTurns: turns,
                agentAnswers: turns + 1,
                interruptions: interruption == nil ? 0 : 1,
                callerSpeechMilliseconds: turns * callerSpeech.wholeMilliseconds,
                agentAudioMilliseconds: spoken,
                agentHeardMilliseconds: nil,
                durationMilliseconds: nil
            )
        )
    }
}

/// The reason why a conversation could not be loaded.
public struct ConversationError: Error, CustomStringConvertible {
    public var file: String
    public var detail: String
    public var description: String { "\(file): \(detail)" }
}
