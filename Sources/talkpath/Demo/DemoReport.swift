import Foundation
import TalkpathAudio
import TalkpathSimulation
import TalkpathSimulators
import TalkpathWire

/// The summary at the end, and the files.
struct DemoReport {
    var figures: DemoFigures
    var judgement: DemoJudgement
    /// As the control API gave them.
    var receipt: JSONValue
    var call: JSONValue
    var stream: MediaStreamRecord

    func print() {
        let receiptLine =
            "\(receipt["ended_reason"]?.string ?? "?"), \(text(receipt["duration_ms"])) ms"
            + " (talk \(text(receipt["talk_ms"])) ms), teardown \(text(receipt["teardown_ms"])) ms,"
            + " carrier \(receipt["carrier_confirmed"]?.bool == true ? "confirmed" : "NOT CONFIRMED")"
        Swift.print("\nreceipt            \(receiptLine)")
        for step in receipt["steps"]?.array ?? [] {
            let name = (step["step"]?.string ?? "?").padding(toLength: 13, withPad: " ", startingAt: 0)
            let outcome = (step["outcome"]?.string ?? "?").padding(toLength: 12, withPad: " ", startingAt: 0)
            Swift.print("  \(name) \(outcome) at \(text(step["started_ms"])) ms, took \(text(step["ms"])) ms")
        }
        Swift.print(
            "frames               \(figures.framesFromCaller) from the caller, \(figures.framesToCaller) to the caller"
        )
        line("caller -> model", figures.uplinkMilliseconds)
        line("model -> caller", figures.downlinkMilliseconds)
        if let up = figures.uplinkMilliseconds, let down = figures.downlinkMilliseconds {
            let sum = up.p50 + down.p50 + figures.filterMilliseconds
            Swift.print(
                "added latency        \(sum.formatted(2)) ms p50 both ways, of which"
                    + " \(figures.filterMilliseconds.formatted(2)) ms are the filters'"
            )
        }
        line("turn latency", Spread(figures.turnLatencyMilliseconds), note: "the model's thinking included")
        line("barge-in -> clear", Spread(figures.bargeInToClearMilliseconds), note: "from the model's notice")
        line(
            "barge-in -> silence",
            Spread(figures.interruptionToSilenceMilliseconds),
            note: "from the caller's first sound, the model's ear included"
        )
        for hearing in figures.heardAgainstBelieved {
            Swift.print(
                "interrupted answer   \(hearing.heardMilliseconds) ms heard of \(hearing.producedMilliseconds) ms;"
                    + " on record \(hearing.recordedMilliseconds.map(String.init) ?? "–") ms;"
                    + " the model believes \(hearing.believedMilliseconds.map { "\($0) ms" } ?? "(its protocol has no word for it)")"
            )
        }
        Swift.print("")
        for check in judgement.checks {
            Swift.print("\(check.isPassed ? "✔" : "✘ FAILED:") \(check.name): \(check.detail)")
        }
    }

    private func line(_ name: String, _ spread: Spread?, note: String? = nil) {
        let label = name.padding(toLength: 20, withPad: " ", startingAt: 0)
        guard let spread else {
            Swift.print("\(label) –")
            return
        }
        let figures =
            "p50 \(spread.p50.formatted(2))  p95 \(spread.p95.formatted(2))  p99 \(spread.p99.formatted(2)) ms"
        Swift.print("\(label) \(figures)  (\(spread.count)\(note.map { "; \($0)" } ?? ""))")
    }

    private func text(_ value: JSONValue?) -> String {
        value?.serializedText() ?? "–"
    }

    /// `call.wav` (caller left, what the caller heard right), `transcript.json` and `report.json`.
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

    /// The call's capture as `call.tpcap`, and its picture as `call.html`.
    func writePage(to directory: URL) throws {
        guard let id = call["call_id"]?.string else { return }
        let captured = directory.appendingPathComponent("\(id).tpcap")
        let capture = directory.appendingPathComponent("call.tpcap")
        guard rename(captured.path, capture.path) == 0 else {
            throw DemoStage.Failure.notFound("the call's capture")
        }
        let page = try ReportCommand.page(CallPicture(try Replay(capture.path).capture))
        try ReplayFile.write(page, to: directory.appendingPathComponent("call.html").path)
    }

    private func report() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        var report: JSONValue = ["passed": .bool(judgement.isPassed), "receipt": receipt]
        for (name, data) in [
            ("figures", try encoder.encode(figures)), ("judgement", try encoder.encode(judgement)),
        ] {
            let bytes = Array(data)
            report.set(name, try JSONValue(parsing: bytes.span.bytes))
        }
        return try Self.indented(report)
    }

    /// For people to read.
    private static func indented(_ json: JSONValue) throws -> Data {
        let object = try JSONSerialization.jsonObject(with: Data(json.serialized()), options: .fragmentsAllowed)
        return try JSONSerialization.data(
            withJSONObject: object,
            options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        )
    }
}
