package import TalkpathCore
import TalkpathServer
import TalkpathWire

/// An expectation of a test about its call.
package struct Expectation: Sendable {
    package struct Event: Sendable {
        package var kind: String
        package var members: JSONPattern
    }

    package struct Tool: Sendable {
        package var name: String
        package var arguments: JSONPattern
    }

    package enum Side: String, Sendable { case caller, agent }

    package enum Figure: String, Sendable, CaseIterable {
        case interruptions
        case failedResponses = "failed_responses"
        case agentLosses = "agent_losses"
        /// The median and the longest time from the caller's last sound to the agent's first.
        case medianLatency = "median_latency"
        case longestLatency = "longest_latency"
        /// The longest time that a turn of the caller was left without an answer.
        case longestSilence = "longest_silence"
        case duration
        /// The caller's audio that was missing, and was filled.
        case missingAudio = "missing_audio"
        case underruns
        /// The level of each side's speech, in dBFS.
        case agentLevel = "agent_level"
        case callerLevel = "caller_level"
        /// The time for which each side was heard.
        case agentSpeech = "agent_speech"
        case callerSpeech = "caller_speech"
    }

    package enum Content: Sendable {
        case endReason([EndReason])
        /// These events, in this order; others may come between.
        case events([Event])
        case never([Event])
        /// These functions and no others, in this order.
        case tools([Tool])
        case says(Side, [TextPattern])
        case neverSays(Side, [TextPattern])
        /// Messages to the model that contain this, in this order.
        case modelIsTold([TextPattern])
        case modelIsNeverTold([TextPattern])
        case figure(Figure, Bounds)
        /// The replay of a capture does what the call did.
        case same
        /// The call keeps this rule.
        case rule(Rule)
        /// A text model that reads the transcript answers each of these questions with yes.
        case judged([String])
    }

    package var name: String
    package var line: Int
    package var content: Content

    /// The questions that a text model is asked.
    var questions: [String] { if case .judged(let questions) = content { questions } else { [] } }

    /// True for an expectation about captured calls only.
    var needsCapture: Bool { if case .same = content { true } else { false } }
}

// MARK: Reading

extension Expectation {
    private static let names =
        [
            "end_reason", "events", "never", "tools", "agent_says", "caller_says", "agent_never_says",
            "caller_never_says", "model_is_told", "model_is_never_told", "same", "rules",
            "judged",
        ] + Figure.allCases.map(\.rawValue)

    static func all(_ value: YAMLValue) throws(SuiteFault) -> [Expectation] {
        let members = try value.members(names)
        var expectations: [Expectation] = []
        // In the order of the file.
        for (name, member) in try value.members() where members[name] != nil {
            for content in try contents(name, member) {
                expectations.append(Expectation(name: name, line: member.line, content: content))
            }
        }
        if let first = expectations.first, expectations.allSatisfy({ !$0.questions.isEmpty }) {
            throw SuiteFault(
                file: value.file,
                line: first.line,
                column: 1,
                words: "a text model may not be the only judge: expect something besides 'judged'"
            )
        }
        guard !expectations.isEmpty else {
            throw value.fault("the test expects nothing: it would pass whatever happens")
        }
        return expectations
    }

    private static func contents(_ name: String, _ value: YAMLValue) throws(SuiteFault) -> [Content] {
        switch name {
        case "end_reason":
            var reasons: [EndReason] = []
            for one in try value.oneOrMore() {
                let word = try one.word(of: EndReason.allCases.map(\.rawValue))
                reasons += EndReason.allCases.filter { $0.rawValue == word }
            }
            return [.endReason(reasons)]
        case "events": return [.events(try events(value))]
        case "never": return [.never(try events(value))]
        case "tools": return [.tools(try tools(value))]
        case "agent_says": return [.says(.agent, try patterns(value))]
        case "caller_says": return [.says(.caller, try patterns(value))]
        case "agent_never_says": return [.neverSays(.agent, try patterns(value))]
        case "caller_never_says": return [.neverSays(.caller, try patterns(value))]
        case "model_is_told": return [.modelIsTold(try patterns(value))]
        case "model_is_never_told": return [.modelIsNeverTold(try patterns(value))]
        case "judged":
            var questions: [String] = []
            for one in try value.oneOrMore() {
                let question = try one.text()
                guard question.contains(where: { !$0.isWhitespace }) else { throw one.fault("the question is empty") }
                questions.append(question)
            }
            return [.judged(questions)]
        case "same":
            guard try value.bool() else { throw value.fault("leave 'same' out: it is true or is not there") }
            return [.same]
        case "rules":
            var rules: [Content] = []
            for one in try value.oneOrMore() {
                let word = try one.word(of: Rule.allCases.map(\.rawValue) + ["all"])
                rules += Rule.allCases.filter { $0.rawValue == word || word == "all" }.map(Content.rule)
            }
            return rules
        default:
            guard let figure = Figure(rawValue: name) else { return [] }
            return [.figure(figure, try bounds(figure, value))]
        }
    }

    private static func bounds(_ figure: Figure, _ value: YAMLValue) throws(SuiteFault) -> Bounds {
        switch figure {
        case .interruptions, .failedResponses, .agentLosses, .underruns:
            return try value.bounds { value throws(SuiteFault) in Double(try value.integer(0...1_000_000)) }
        case .agentLevel, .callerLevel:
            return try value.bounds(unit: "dBFS") { value throws(SuiteFault) in try value.number() }
        case .medianLatency, .longestLatency, .longestSilence, .duration, .missingAudio, .agentSpeech, .callerSpeech:
            return try value.times()
        }
    }

    private static func patterns(_ value: YAMLValue) throws(SuiteFault) -> [TextPattern] {
        var patterns: [TextPattern] = []
        for one in try value.oneOrMore() {
            let text = try one.text()
            guard !text.allSatisfy({ $0.isWhitespace || $0 == "/" }) else {
                throw one.fault("'\(text)' stands in every text: write words, or an expression between slashes")
            }
            guard let pattern = TextPattern(text) else {
                throw one.fault("'\(text)' is not a regular expression")
            }
            patterns.append(pattern)
        }
        return patterns
    }

    private static func events(_ value: YAMLValue) throws(SuiteFault) -> [Event] {
        var events: [Event] = []
        for one in try value.oneOrMore() {
            guard one.isMapping else {
                events.append(
                    Event(kind: try one.word(of: CallEvent.momentKinds), members: JSONPattern(value: .object([])))
                )
                continue
            }
            let members = try one.members(CallEvent.momentKinds)
            guard members.count == 1, let (kind, pattern) = members.first else {
                throw one.fault("an event is one name, with its members below it")
            }
            events.append(Event(kind: kind, members: JSONPattern(value: try pattern.json())))
        }
        return events
    }

    private static func tools(_ value: YAMLValue) throws(SuiteFault) -> [Tool] {
        var tools: [Tool] = []
        for one in try value.list() {
            guard one.isMapping else {
                tools.append(Tool(name: try one.text(), arguments: JSONPattern(value: .object([]))))
                continue
            }
            let members = try one.members()
            guard members.count == 1, let (name, arguments) = members.first else {
                throw one.fault("a function is one name, with its arguments below it")
            }
            tools.append(Tool(name: name, arguments: JSONPattern(value: try arguments.json())))
        }
        return tools
    }
}
