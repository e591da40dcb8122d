import TalkpathCore

/// Results as one page that needs no other file.
package enum HTMLReport {
    package static func page(_ suites: [(suite: Suite, results: [TestResult])]) -> String {
        let all = suites.flatMap(\.results)
        var html = head + "<h1>Conversation tests</h1>\n<p>\(escaped(TextReport.summary(all)))</p>\n"
        for (suite, results) in suites {
            html += "<h2>\(escaped(suite.name))</h2>\n"
            for result in results { html += section(result) }
        }
        return html + "</body></html>\n"
    }

    private static func section(_ result: TestResult) -> String {
        let run = result.failed ?? result.runs.first
        let state = result.isPassed ? "ok" : "bad"
        var html =
            "<details class=\"\(state)\"\(result.isPassed ? "" : " open")><summary><b>\(result.isPassed ? "passed" : "failed")</b> "
        html += "\(escaped(result.test.name)) <i>\(result.passed) of \(max(1, result.runs.count)) runs</i></summary>\n"
        if let obstacle = result.obstacle { html += "<p class=\"bad\">\(escaped(obstacle))</p>\n" }
        for failure in run?.failures ?? [] {
            let line = failure.line > 0 ? failure.line : result.test.line
            html += "<p class=\"bad\">line \(line), \(escaped(failure.name)): \(escaped(failure.words))</p>\n"
        }
        if let call = run?.call { html += picture(call) + table(call) }
        return html + "</details>\n"
    }

    // MARK: The call

    /// The speech of both sides over the time of the call.
    private static func picture(_ call: PlayedCall) -> String {
        guard call.duration > 0 else { return "" }
        let scale = 1000.0 / Double(call.duration)
        var svg = "<svg viewBox=\"0 0 1000 46\" role=\"img\" aria-label=\"both sides' speech\">"
        for (row, spans) in [call.callerSpans, call.agentSpans].enumerated() {
            for span in spans {
                let (x, width) = (Double(span.begin) * scale, Double(span.end - span.begin) * scale)
                svg +=
                    "<rect class=\"\(row == 0 ? "caller" : "agent")\" x=\"\(Int(x))\" y=\"\(row * 24)\" width=\"\(max(1, Int(width)))\" height=\"20\"/>"
            }
        }
        for event in call.events where event.kind == "interrupted" {
            svg +=
                "<line x1=\"\(Int(Double(event.at) * scale))\" x2=\"\(Int(Double(event.at) * scale))\" y1=\"0\" y2=\"46\"/>"
        }
        return svg + "</svg>\n"
    }

    private static func table(_ call: PlayedCall) -> String {
        var rows: [(at: Int, html: String)] = []
        for turn in call.turns {
            let side = turn.isCaller ? "caller" : "agent"
            let cut = turn.isCut ? " <i>(cut short)</i>" : ""
            rows.append((turn.at, "<td class=\"\(side)\">\(side)</td><td>\(escaped(turn.text))\(cut)</td>"))
        }
        for tool in call.toolCalls {
            rows.append(
                (tool.at, "<td>function</td><td><code>\(escaped(tool.name)) \(escaped(tool.arguments))</code></td>")
            )
        }
        let told: Set = [
            "interrupted", "agent_lost", "response_failed", "carrier_error", "dtmf", "idle_prompted", "ended",
            "agent_ready",
        ]
        for event in call.events where told.contains(event.kind) {
            let reason = event.kind == "ended" ? call.endReason?.rawValue ?? "" : ""
            rows.append((event.at, "<td>event</td><td>\(escaped(event.kind)) \(escaped(reason))</td>"))
        }
        let lines = rows.sorted { $0.at < $1.at }.map { "<tr><td>\(seconds($0.at))</td>\($0.html)</tr>\n" }
        return "<table>\(lines.joined())</table>\n"
    }

    private static func seconds(_ milliseconds: Int) -> String {
        "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    }

    private static func escaped(_ text: String) -> String { JUnitReport.escaped(text) }

    private static let head = """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Conversation tests</title><style>
        body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a }
        details { border: 1px solid #ccc; border-left: 6px solid #2a7d46; border-radius: 4px; margin: .5rem 0; padding: .4rem .8rem }
        details.bad { border-left-color: #b3261e } p.bad { color: #b3261e; margin: .3rem 0 }
        summary { cursor: pointer } i { color: #666 } table { border-collapse: collapse; width: 100% }
        td { padding: .1rem .8rem .1rem 0; vertical-align: top; border-top: 1px solid #eee } td:first-child { white-space: nowrap }
        svg { width: 100%; height: 46px; background: #f6f6f6 } rect.caller, td.caller { fill: #2b6cb0; color: #2b6cb0 }
        rect.agent, td.agent { fill: #2a7d46; color: #2a7d46 } line { stroke: #b3261e; stroke-width: 2 }
        </style></head><body>

        """
}
