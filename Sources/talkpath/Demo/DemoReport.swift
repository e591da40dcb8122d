import Foundation
import TalkpathAudio
import TalkpathSimulation
import TalkpathSimulators
import TalkpathWire

/// The summary at the end, and the demo's files.
struct DemoReport {
    var metrics: DemoMetrics
    var verdict: DemoVerdict
    /// The receipt as the control API returned it.
    var receipt: JSONValue
    /// The call as the control API returned it.
    var call: JSONValue
    var stream: MediaStreamRecord
    /// The call as its page draws it.
    var picture: CallPicture

    func print() {
        Swift.print("")
        row(
            "receipt",
            "\(receipt["ended_reason"]?.string ?? "?") after \(text(receipt["duration_ms"])) ms"
                + " (talk \(text(receipt["talk_ms"])) ms), teardown \(text(receipt["teardown_ms"])) ms,"
                + " carrier \(receipt["carrier_confirmed"]?.bool == true ? "confirmed" : "NOT CONFIRMED")"
        )
        for step in receipt["steps"]?.array ?? [] {
            row(
                "  " + (step["step"]?.string ?? "?"),
                "\(step["outcome"]?.string ?? "?"), at \(text(step["started_ms"])) ms, took \(text(step["ms"])) ms"
            )
        }
        row("frames", "\(metrics.framesFromCaller) from the caller, \(metrics.framesToCaller) to the caller")
        row("caller -> model", metrics.uplinkMilliseconds)
        row("model -> caller", metrics.downlinkMilliseconds)
        if let up = metrics.uplinkMilliseconds, let down = metrics.downlinkMilliseconds {
            let sum = up.p50 + down.p50 + metrics.filterMilliseconds
            row(
                "added latency",
                "\(sum.formatted(2)) ms p50 both ways, of which the filters' \(metrics.filterMilliseconds.formatted(2)) ms"
            )
        }
        row("turn latency", metrics.turnLatencyMilliseconds, note: "from the caller's last sound to the agent's first")
        row("barge-in -> clear", metrics.bargeInToClearMilliseconds, note: "from the model's notice")
        row(
            "barge-in -> silence",
            metrics.bargeInToSilenceMilliseconds,
            note: "from the caller's first sound"
        )
        for hearing in metrics.heardAgainstBelieved {
            let believed =
                hearing.believedMilliseconds.map { "\($0) ms" } ?? "not told (its protocol has no word for it)"
            row(
                "interrupted answer",
                "\(hearing.heardMilliseconds) ms heard of \(hearing.producedMilliseconds) ms;"
                    + " on record \(hearing.recordedMilliseconds.map(String.init) ?? "–") ms;"
                    + " the model believes \(believed)"
            )
        }
        Swift.print("")
        for check in verdict.checks {
            Swift.print(
                TextWrapping.labelled(check.isPassed ? "✔" : "✘", Self.words(of: check), labelWidth: 2)
            )
        }
    }

    private static func words(of check: DemoVerdict.Check) -> String {
        "\(check.isPassed ? "" : "FAILED: ")\(check.name): \(check.detail)"
    }

    private func row(_ name: String, _ text: String) {
        Swift.print(TextWrapping.labelled(name, text, labelWidth: 21))
    }

    private func row(_ name: String, _ spread: Spread?) {
        row(
            name,
            spread.map {
                "p50 \($0.p50.formatted(2)), p95 \($0.p95.formatted(2)), p99 \($0.p99.formatted(2)) ms (of \($0.count))"
            }
                ?? "–"
        )
    }

    /// Shows the values themselves: they are few, so that percentiles would mean nothing.
    private func row(_ name: String, _ values: [Double], note: String) {
        let text = values.map { $0 < 10 ? $0.formatted(1) : $0.formatted(0) }.joined(separator: ", ")
        row(name, values.isEmpty ? "–" : "\(text) ms (\(note))")
    }

    private func text(_ value: JSONValue?) -> String {
        value?.serializedText() ?? "–"
    }

    /// Writes `call.wav` (the caller left; the audio that the caller heard right), `transcript.json` and `report.json`.
    func write(to directory: URL) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let length = max(stream.said.count, stream.heard.count)
        func padded(_ samples: [Int16]) -> [Int16] {
            samples + [Int16](repeating: 0, count: length - samples.count)
        }
        let wav = WAV.encode(channels: [padded(stream.saidSamples), padded(stream.heardSamples)], sampleRate: 8000)
        try Data(wav).write(to: directory.appendingPathComponent("call.wav"))
        let transcript = call["transcript"] ?? .array([])
        try Self.indented(transcript).write(to: directory.appendingPathComponent("transcript.json"))
        try report().write(to: directory.appendingPathComponent("report.json"))
    }

    /// Writes the call's page, `call.html`.
    func writePage(to directory: URL) throws {
        let page = try ReportCommand.page(picture)
        try ReplayFile.write(page, to: directory.appendingPathComponent("call.html").path)
    }

    private func report() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        var report: JSONValue = ["passed": .bool(verdict.isPassed), "receipt": receipt]
        for (name, data) in [
            ("metrics", try encoder.encode(metrics)), ("verdict", try encoder.encode(verdict)),
        ] {
            let bytes = Array(data)
            report.set(name, try JSONValue(parsing: bytes.span.bytes))
        }
        return try Self.indented(report)
    }

    /// Formats JSON with indentation, for people.
    private static func indented(_ json: JSONValue) throws -> Data {
        let object = try JSONSerialization.jsonObject(with: Data(json.serialized()), options: .fragmentsAllowed)
        return try JSONSerialization.data(
            withJSONObject: object,
            options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        )
    }
}
