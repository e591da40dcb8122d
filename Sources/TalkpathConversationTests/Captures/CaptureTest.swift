package import TalkpathSimulation
import TalkpathCore
import TalkpathWire

/// A suite with one test that a captured call fails as it failed, or passes if it broke no rule.
package struct CaptureTest {
    /// The suite's YAML.
    package let yaml: String
    /// The breaches of rules, in words; empty if the call kept every rule.
    package let breaches: [String]

    /// - Parameters:
    ///   - capture: the capture's path, as the suite shall name it.
    ///   - expected: further expectations as lines of YAML, such as `end_reason: agent_hangup`.
    /// - Throws: what is wrong with `expected`.
    package init(_ call: ReplayedCall, capture: String, expected: [String] = []) throws(SuiteFault) {
        let expected = try ExpectationLines(expected)
        let played = CapturedStage.played(call)
        let judge = Judge(played)
        var rules: [(rule: Rule, breaches: [String])] = []
        for rule in Rule.allCases {
            // What ended a capture that was cut off is not known.
            if call.isCut, rule == .endsOnPurpose { continue }
            let breaches = judge.breaches(of: rule)
            if !breaches.isEmpty { rules.append((rule, breaches)) }
        }
        breaches = rules.flatMap { rule in rule.breaches.map { "\(rule.rule.rawValue): \($0)" } }

        var lines = ["# Made by `talkpath capture to-test`. What the call did:", "#"]
        lines += Self.story(played).map { "#   \($0)" }
        lines += [
            "", "suite: \(YAMLText.quoted(capture))", "tests:",
            "  - name: \(YAMLText.quoted(Self.title(played, capture)))",
        ]
        lines += ["    capture: \(YAMLText.quoted(capture))", "    expect:"]
        lines += expected.lines.map { "      \($0)" }
        // Those that are asked for and hold.
        let others = expected.rules.filter { word in !rules.contains { $0.rule.rawValue == word } }
        if others.contains("all") {
            lines += rules.flatMap(\.breaches).map { "      # broken: \(YAMLText.comment($0))" }
            lines.append("      rules: all")
        } else if !rules.isEmpty || !others.isEmpty {
            if !rules.isEmpty { lines.append("      # The call broke these; the test fails until they hold.") }
            lines.append("      rules:")
            for (rule, breaches) in rules {
                lines.append("        - \(rule.rawValue)  # \(YAMLText.comment(breaches[0]))")
            }
            lines += others.map { "        - \(YAMLText.quoted($0))" }
        } else if expected.isEmpty {
            lines.append(
                "      # The call broke no rule: the test holds that it stays as it was. Write below what should have been,"
            )
            lines.append("      # such as 'agent_says: nine' or 'tools: [find_slot]'.")
            lines.append("      same: true")
        }
        yaml = lines.joined(separator: "\n") + "\n"
    }

    // MARK: Words

    private static func title(_ call: PlayedCall, _ capture: String) -> String {
        let reason = call.endReason.map { "ended with \($0.rawValue)" } ?? "was cut off"
        return "\(capture): a call of \(call.duration / 1000) s that \(reason)"
    }

    /// The events and turns of the call, one line each, for those who write expectations.
    private static func story(_ call: PlayedCall) -> [String] {
        let hidden: Set = ["started", "ringing", "media_started", "agent_speech_started", "transcript"]
        var lines: [(at: Int, words: String)] = []
        for event in call.events where !hidden.contains(event.kind) {
            let members = (event.json.object ?? []).filter { !["kind", "at_ms", "receipt"].contains($0.key) }
            let detail = members.isEmpty ? "" : " " + JSONValue.object(members).serializedText()
            let reason = event.kind == "ended" ? " " + (call.endReason?.rawValue ?? "") : ""
            lines.append((event.at, event.kind + detail + reason))
        }
        for turn in call.turns {
            lines.append(
                (turn.at, "\(turn.isCaller ? "caller" : "agent"): \(turn.text)\(turn.isCut ? " (cut short)" : "")")
            )
        }
        return lines.sorted { $0.at < $1.at }.map { line in
            let seconds = "\(line.at / 1000).\(line.at % 1000 / 100) s"
            return
                "\(String(repeating: " ", count: max(0, 8 - seconds.count)))\(seconds)  \(YAMLText.comment(line.words))"
        }
    }
}
