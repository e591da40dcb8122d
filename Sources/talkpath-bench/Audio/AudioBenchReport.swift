import Foundation
import TalkpathAudio

/// The results of `talkpath-bench audio`.
struct AudioBenchReport: Codable, Sendable {
    /// The results of one engine for one pair of rates.
    struct Row: Codable, Sendable {
        var from: Int
        var to: Int
        var engine: String
        /// The CPU's vector instructions; `nil` for libsamplerate, which offers no choice.
        var instructions: String?
        var medianNanoseconds: Double
        var minimumNanoseconds: Double
        /// The speed relative to libsamplerate's fastest sinc converter, by the medians of this run.
        var timesFasterThanFastestSinc: Double
        var rippleDecibels: Double
        var edgeDecibels: Double
        var rejectionDecibels: Double
        var latencyMilliseconds: Double
        var signalToNoiseDecibels: Double
    }

    struct Step: Codable, Sendable {
        var name: String
        var instructions: String
        var medianNanoseconds: Double
        var minimumNanoseconds: Double
    }

    var bestInstructions = InstructionSet.best.rawValue
    var rounds: Int
    var resampling: [Row] = []
    var steps: [Step] = []

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    func table() -> String {
        var lines = ["Times are nanoseconds for a frame of 20 ms, by \(rounds) rounds in turn; dB for 300–3400 Hz."]
        var pair: (Int, Int)?
        for row in resampling {
            if pair == nil || pair! != (row.from, row.to) {
                pair = (row.from, row.to)
                lines += ["", "\(row.from) -> \(row.to) Hz", Self.head]
            }
            lines.append(Self.line(row))
        }
        lines += ["", Self.columns(["step", "", "median", "min"])]
        for step in steps {
            let times = [step.medianNanoseconds, step.minimumNanoseconds].map { Self.fixed($0, 0) }
            lines.append(Self.columns([step.name, step.instructions] + times))
        }
        return lines.joined(separator: "\n")
    }

    private static let head = columns([
        "engine", "", "median", "min", "x sinc", "ripple", "3.4 kHz", "reject", "late ms", "SNR",
    ])

    private static func line(_ row: Row) -> String {
        columns([
            row.engine, row.instructions ?? "",
            fixed(row.medianNanoseconds, 0), fixed(row.minimumNanoseconds, 0),
            fixed(row.timesFasterThanFastestSinc, 1), fixed(row.rippleDecibels, 3), fixed(row.edgeDecibels, 2),
            fixed(row.rejectionDecibels, 1), fixed(row.latencyMilliseconds, 2), fixed(row.signalToNoiseDecibels, 1),
        ])
    }

    private static func columns(_ cells: [String]) -> String {
        let widths = [23, 9, 9, 9, 8, 8, 8, 8, 8, 7]
        return zip(cells, widths).enumerated().map { index, cell in
            let padding = String(repeating: " ", count: max(1, cell.1 - cell.0.count))
            return index < 2 ? cell.0 + padding : padding + cell.0
        }.joined()
    }

    static func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}
