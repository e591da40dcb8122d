import TalkpathCore
import TalkpathWire

/// Compares a played call with what its test expects.
package struct Judge {
    package struct Failure: Sendable, Equatable {
        /// The expectation's name, with its line in the suite; 0 if no line expects it.
        package var name: String
        package var line: Int
        package var words: String
    }

    private let call: PlayedCall

    package init(_ call: PlayedCall) {
        self.call = call
    }

    /// - Returns: each way in which the call is otherwise than expected; empty if it passes.
    package func failures(_ expectations: [Expectation]) -> [Failure] {
        var failures = call.slips.map { Failure(name: "script", line: 0, words: $0) }
        for expectation in expectations {
            failures += problems(expectation.content).map {
                Failure(name: expectation.name, line: expectation.line, words: $0)
            }
        }
        return failures
    }

    private func problems(_ content: Expectation.Content) -> [String] {
        switch content {
        case .endReason(let reasons): return endReason(reasons)
        case .events(let events): return order(events)
        case .never(let events):
            return events.compactMap { event in
                call.events.first { matches($0, event) }.map { "\(Self.shown($0)) at \($0.at) ms" }
            }
        case .tools(let tools): return self.tools(tools)
        case .says(let side, let patterns):
            let texts = texts(side)
            return patterns.compactMap { pattern in
                texts.contains { pattern.isFound(in: $0) }
                    ? nil : "the \(side.rawValue) did not say '\(pattern)'\(Self.said(texts))"
            }
        case .neverSays(let side, let patterns):
            let texts = texts(side)
            return patterns.compactMap { pattern in
                texts.first { pattern.isFound(in: $0) }.map { "the \(side.rawValue) said '\($0)'" }
            }
        case .modelIsTold(let patterns): return told(patterns)
        case .modelIsNeverTold(let patterns):
            return patterns.compactMap { pattern in
                call.told.first { pattern.isFound(in: $0.text) }.map {
                    "the model was told '\($0.text.prefix(160))' at \($0.at) ms"
                }
            }
        case .figure(let figure, let bounds): return self.figure(figure, bounds)
        case .same:
            return call.differences.prefix(5).map { "the replay differs: \($0)" }
        // The text model's judgement is asked for elsewhere, because it takes time.
        case .judged: return []
        case .rule(let rule): return breaches(of: rule).map { "\(rule.rawValue): \($0)" }
        }
    }

    // MARK: Events

    private func endReason(_ reasons: [EndReason]) -> [String] {
        let wanted = reasons.map(\.rawValue).joined(separator: " or ")
        guard let reason = call.endReason else { return ["the call did not end; \(wanted) was expected"] }
        return reasons.contains(reason) ? [] : ["the call ended with \(reason.rawValue); \(wanted) was expected"]
    }

    private func matches(_ event: PlayedCall.Event, _ pattern: Expectation.Event) -> Bool {
        event.kind == pattern.kind && pattern.members.matches(event.json)
    }

    private func order(_ patterns: [Expectation.Event]) -> [String] {
        var rest = call.events[...]
        for (number, pattern) in patterns.enumerated() {
            guard let place = rest.firstIndex(where: { matches($0, pattern) }) else {
                let members =
                    pattern.members.value.object?.isEmpty == false ? " \(pattern.members.value.serializedText())" : ""
                let before = number > 0 ? " after \(patterns[number - 1].kind)" : ""
                let alike = call.events.filter { $0.kind == pattern.kind }.map { "\(Self.shown($0)) at \($0.at) ms" }
                let instead =
                    alike.isEmpty ? "; there was none" : "; there was \(alike.prefix(4).joined(separator: ", "))"
                return ["no \(pattern.kind)\(members)\(before)\(instead)"]
            }
            rest = rest[(place + 1)...]
        }
        return []
    }

    private static func shown(_ event: PlayedCall.Event) -> String {
        let members = (event.json.object ?? []).filter { $0.key != "kind" && $0.key != "at_ms" }
        guard !members.isEmpty, event.kind != "ended" else { return event.kind }
        return "\(event.kind) \(JSONValue.object(members).serializedText().prefix(160))"
    }

    // MARK: Functions and words

    private func tools(_ wanted: [Expectation.Tool]) -> [String] {
        var problems: [String] = []
        let called = call.toolCalls
        for (number, tool) in wanted.enumerated() {
            guard called.indices.contains(number) else {
                problems.append("\(tool.name) was not called")
                continue
            }
            let one = called[number]
            guard one.name == tool.name else {
                problems.append("function \(number + 1) is \(one.name); \(tool.name) was expected")
                continue
            }
            if !tool.arguments.matches(try? JSONValue(parsing: one.arguments)) {
                problems.append(
                    "\(one.name) was called with \(one.arguments.prefix(200)); \(tool.arguments.value.serializedText()) was expected"
                )
            }
        }
        for one in called.dropFirst(wanted.count) {
            problems.append("\(one.name) was called too, at \(one.at) ms, with \(one.arguments.prefix(200))")
        }
        return problems
    }

    private func texts(_ side: Expectation.Side) -> [String] {
        call.turns.filter { $0.isCaller == (side == .caller) }.map(\.text)
    }

    private static func said(_ texts: [String]) -> String {
        texts.isEmpty ? "; nothing was said" : "; said was '\(texts.suffix(3).joined(separator: "' '"))'"
    }

    private func told(_ patterns: [TextPattern]) -> [String] {
        var rest = call.told[...]
        for (number, pattern) in patterns.enumerated() {
            guard let place = rest.firstIndex(where: { pattern.isFound(in: $0.text) }) else {
                return ["the model was not told '\(pattern)'\(number > 0 ? " after '\(patterns[number - 1])'" : "")"]
            }
            rest = rest[(place + 1)...]
        }
        return []
    }

    // MARK: Figures

    private func figure(_ figure: Expectation.Figure, _ bounds: Bounds) -> [String] {
        guard let value = value(of: figure) else {
            return ["there was nothing to measure for \(figure.rawValue)"]
        }
        return bounds.contains(value)
            ? [] : ["\(figure.rawValue) is \(bounds.shown(outside: value)); \(bounds) was expected"]
    }

    private func value(of figure: Expectation.Figure) -> Double? {
        let latencies = call.latencies
        switch figure {
        case .interruptions: return Double(call.count("interrupted"))
        case .failedResponses: return Double(call.count("response_failed"))
        case .agentLosses: return Double(call.count("agent_lost"))
        case .underruns: return Double(call.metrics.underruns)
        case .medianLatency: return latencies.isEmpty ? nil : Double(latencies[latencies.count / 2])
        case .longestLatency: return latencies.last.map(Double.init)
        case .longestSilence: return call.silences.map(\.milliseconds).max().map(Double.init)
        case .duration: return Double(call.duration)
        case .missingAudio: return Double(call.metrics.filledMilliseconds)
        case .agentLevel: return SpeechMeter(call.agentAudio).level
        case .callerLevel: return SpeechMeter(call.callerAudio).level
        case .agentSpeech: return Double(SpeechMeter(call.agentAudio).milliseconds)
        case .callerSpeech: return Double(SpeechMeter(call.callerAudio).milliseconds)
        }
    }

    // MARK: Rules

    /// - Returns: each place at which the call breaks the rule.
    package func breaches(of rule: Rule) -> [String] {
        func each(_ kind: String) -> [String] {
            call.events.filter { $0.kind == kind }.map { "\(Self.shown($0)) at \($0.at) ms" }
        }
        switch rule {
        case .answers:
            return call.silences.filter { $0.milliseconds > Rule.longestSilence }.map {
                "the turn that ended at \($0.at) ms was not answered for \($0.milliseconds) ms"
            }
        case .endsOnPurpose:
            guard let reason = call.endReason else { return ["the call did not end"] }
            return reason.isOnPurpose ? [] : ["the call ended with \(reason.rawValue)"]
        case .keepsModel: return each("agent_lost")
        case .completesResponses: return each("response_failed")
        case .noCarrierFault: return each("carrier_error")
        case .hearsAll:
            let missing = call.metrics.filledMilliseconds
            return missing > 100 ? ["\(missing) ms of the caller's audio are missing"] : []
        case .readableArguments:
            return call.toolCalls.filter { (try? JSONValue(parsing: $0.arguments))?.object == nil }.map {
                "\($0.name) was called with '\($0.arguments.prefix(160))' at \($0.at) ms"
            }
        }
    }
}

extension EndReason {
    /// True if a side, an operator or an agreed limit brought the end about.
    fileprivate var isOnPurpose: Bool {
        switch self {
        case .endedByAPI, .callerHangup, .voicemail, .agentHangup, .maxDuration, .transferred, .noAnswer, .busy,
            .canceled:
            true
        case .idleTimeout, .silenceTimeout, .loopDetected, .agentLost, .mediaLost, .queueTimeout, .failed,
            .transferFailed, .shutdown, .nodeLost:
            false
        }
    }
}
