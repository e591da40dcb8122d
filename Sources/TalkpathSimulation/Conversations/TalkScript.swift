package import TalkpathWire

/// The script of a caller and of a model in one call. All times are milliseconds.
package struct TalkScript: Sendable, Equatable {
    package struct CallerStep: Sendable, Equatable {
        package enum Moment: Sendable, Equatable {
            /// That long after the agent has fallen silent, and owes no answer.
            case afterAgent(Int)
            /// That long after the agent has begun to be heard: an interruption.
            case intoAgent(Int)
            /// That long after the call began.
            case at(Int)
        }

        package enum Deed: Sendable, Equatable {
            case speaks(String, milliseconds: Int)
            case presses(String)
            /// Stays on the line and says nothing.
            case stays(milliseconds: Int)
            case hangsUp
        }

        package var moment: Moment
        package var deed: Deed

        package init(_ moment: Moment, _ deed: Deed) {
            self.moment = moment
            self.deed = deed
        }
    }

    /// One answer of the model.
    package struct Answer: Sendable, Equatable {
        package enum Fault: String, Sendable, CaseIterable {
            /// The response fails before its first word.
            case failed
            /// The model's socket breaks instead of the answer.
            case lostSocket = "lost-socket"
            /// The model does not answer.
            case silence
        }

        package var words: String
        /// The length of the speech.
        package var milliseconds: Int
        /// From the end of the caller's turn, or from the request, to the first word.
        package var thinking: Int
        /// The function that the model calls after the words.
        package var tool: AgentToolCall?
        /// The model calls the function before the words.
        package var callsFirst: Bool
        package var fault: Fault?

        package init(
            words: String = "",
            milliseconds: Int = 0,
            thinking: Int = 400,
            tool: AgentToolCall? = nil,
            callsFirst: Bool = false,
            fault: Fault? = nil
        ) {
            self.words = words
            self.milliseconds = milliseconds
            self.thinking = thinking
            self.tool = tool
            self.callsFirst = callsFirst
            self.fault = fault
        }
    }

    package var caller: [CallerStep]
    package var answers: [Answer]
    /// The time that the model needs to be set up.
    package var setup = 300
    /// The time after which a caller goes on although the agent is silent.
    package var patience = 12_000
    /// The time after which the call is ended if it has not ended before.
    package var longest = 300_000

    /// The most answers of one script: each has a level of its own, by which the caller tells them apart.
    package static var mostAnswers: Int { SpokenLevels.count }

    package init(caller: [CallerStep], answers: [Answer]) {
        self.caller = caller
        self.answers = answers
    }

    /// The time that words take: a third of a second each.
    package static func milliseconds(for words: String) -> Int {
        max(1, words.split(whereSeparator: \.isWhitespace).count) * 330
    }
}
