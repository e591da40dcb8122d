import Foundation
import TalkpathWire

/// Formats calls for people at a terminal.
enum CallRows {
    static func table(_ calls: [JSONValue]) -> String {
        var table = TerminalTable([
            "CALL", "STATUS", .init("DIRECTION", rank: 1), .init("FROM", rank: 3), .init("TO", rank: 4),
            .init("STARTED", rank: 2), "DURATION", "ENDED BECAUSE",
        ])
        for call in calls {
            table.add([
                .init(call["call_id"]?.string ?? ""),
                status(call),
                .init(call["direction"]?.string ?? ""),
                .init(call["from_number"]?.string ?? ""),
                .init(call["to_number"]?.string ?? ""),
                .init(call["started_at"]?.string ?? "", .faint),
                .init(duration(call)),
                .init(call["ended_reason"]?.string ?? "", .faint),
            ])
        }
        return table.text
    }

    /// One call: its facts, its transcript, and its end.
    static func page(_ call: JSONValue) -> String {
        var text = facts(call) + "\n"
        let turns = call["transcript"]?.array ?? []
        if !turns.isEmpty {
            var table = TerminalTable(["AT", "WHO", "SAID"])
            for turn in turns {
                let isAgent = turn["role"]?.string == "assistant"
                let text = turn["text"]?.string ?? ""
                let heard = turn["heard_text"]?.string ?? text
                let unheard = text.dropFirst(heard.count).trimmingPrefix(" ")
                let rest = unheard.isEmpty ? "" : "; not heard: \(unheard)"
                let cut = turn["heard_ms"]?.number.map { " [heard \($0) ms\(rest)]" } ?? ""
                table.add([
                    .init(seconds(turn["at_ms"]), .faint),
                    .init(isAgent ? "agent" : "caller", isAgent ? .yellow : .cyan),
                    .init(heard + cut),
                ])
            }
            text += "\n" + table.text + "\n"
        }
        if let receipt = call["receipt"], !receipt.isNull { text += "\n" + steps(receipt) + "\n" }
        return text
    }

    /// One fact a line, including why the call ended and which side ended it.
    private static func facts(_ call: JSONValue) -> String {
        func text(_ name: String) -> String? { call[name]?.string.flatMap { $0.isEmpty ? nil : $0 } }
        var facts: [(String, String?)] = [
            ("call", text("call_id")), ("status", text("status")), ("direction", text("direction")),
            ("from", text("from_number")), ("to", text("to_number")), ("started", text("started_at")),
            ("duration", duration(call)),
        ]
        if let reason = text("ended_reason") {
            let actor = call["receipt"]?["ended_by"]?.string.map { ", by the \($0)" } ?? ""
            facts.append(("ended because", reason + actor))
        }
        for error in call["receipt"]?["carrier_errors"]?.array ?? [] {
            let words = ["source", "code", "message"].compactMap { name in
                error[name].flatMap { $0.string ?? $0.number.map { "\($0)" } }
            }
            facts.append(("carrier error", words.joined(separator: " ")))
        }
        return facts.compactMap { name, value in
            value.flatMap { $0.isEmpty ? nil : TextWrapping.labelled(name, $0, labelWidth: 15) }
        }.joined(separator: "\n")
    }

    /// A receipt: a line for the end, and one for each step.
    static func steps(_ receipt: JSONValue) -> String {
        var table = TerminalTable(["STEP OF THE END", "OUTCOME", "MS", ""])
        for step in receipt["steps"]?.array ?? [] {
            let outcome = step["outcome"]?.string ?? ""
            let colour: TerminalTable.Colour =
                switch outcome {
                case "done", "already_gone": .green
                case "skipped": .faint
                default: .red
                }
            table.add([
                .init(step["step"]?.string ?? ""), .init(outcome, colour),
                .init(step["ms"]?.number.map { "\($0)" } ?? ""), .init(step["error"]?.string ?? "", .red),
            ])
        }
        let confirmed =
            receipt["carrier_confirmed"]?.bool == true ? "the carrier has confirmed" : "NOT CONFIRMED by the carrier"
        let reason = receipt["ended_reason"]?.string ?? ""
        let head = "\(receipt["status"]?.string ?? ""): \(reason) after \(duration(receipt)), \(confirmed)"
        return TextWrapping.lines(of: head, width: TerminalWidth.current).joined(separator: "\n") + "\n" + table.text
    }

    private static func status(_ call: JSONValue) -> TerminalTable.Cell {
        let status = call["status"]?.string ?? ""
        let colour: TerminalTable.Colour =
            switch status {
            case "in_progress": .green
            case "initiating", "ringing", "ending": .yellow
            case "failed", "busy", "no_answer": .red
            default: .plain
            }
        return .init(status, colour)
    }

    private static func duration(_ json: JSONValue) -> String { seconds(json["duration_ms"]) }

    private static func seconds(_ milliseconds: JSONValue?) -> String {
        guard let number = milliseconds?.number, let value = Double("\(number)") else { return "" }
        let seconds = value / 1000
        guard seconds >= 60 else { return String(format: "%.1f s", seconds) }
        return String(format: "%d:%02d", Int(seconds) / 60, Int(seconds) % 60)
    }
}
