#if os(Linux)
import Foundation
import TalkpathSimulators

/// All measurements of one run of the load bench.
struct LoadReport: Codable {
    var shape: String
    var place: String
    var seconds: Double
    var stages: [LoadStage.Result] = []
    /// The most calls sustained, if the run searched for that number.
    var sustained: Int?

    init(shape: String, place: String, seconds: Double) {
        self.shape = shape
        self.place = place
        self.seconds = seconds
    }

    /// Adds a stage and sorts the stages by their number of calls, as the curves need them.
    mutating func add(_ stage: LoadStage.Result) {
        stages.append(stage)
        stages.sort { $0.metrics.calls < $1.metrics.calls }
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    func table() -> String {
        var lines = ["\(shape); \(place); \(seconds.formatted(0)) s each", ""]
        lines += Self.aligned([Self.heads] + stages.map(Self.cells))
        lines.append("")
        lines.append(
            "Milliseconds. The round trip holds the filters' \(filters) ms. work: processor time of the bridge a second "
                + "of one call."
        )
        lines += remarks
        return lines.joined(separator: "\n")
    }

    private var filters: String { (stages.first?.metrics.filterMilliseconds ?? 0).formatted(2) }

    /// The conditions under which the figures were measured.
    var remarks: [String] {
        var remarks: [String] = []
        for stage in stages where !stage.metrics.isWhole {
            let metrics = stage.metrics
            remarks.append(
                "\(metrics.calls) calls: \(metrics.lostMilliseconds.formatted(1)) ms lost, "
                    + "\(metrics.repeatedMilliseconds.formatted(1)) ms repeated, \(metrics.damagedFrames) frames damaged, "
                    + "\(metrics.foreignFrames) of them another caller's, \(metrics.lostCalls) calls lost"
            )
        }
        for stage in stages where stage.metrics.isFleetTheBottleneck {
            let share = (stage.metrics.fleetShare * 100).formatted(0)
            remarks.append(
                "\(stage.metrics.calls) calls: the fleet itself was at its limit (\(share) % of its processor, "
                    + "\((stage.metrics.fleetLateness?.p99 ?? 0).formatted(1)) ms late at p99): the bridge may do better"
            )
        }
        for stage in stages {
            guard let made = stage.allocationsPerFrame else { continue }
            let calls = stage.metrics.calls
            remarks.append("\(calls) calls: the bridge made \(made.formatted(2)) heap allocations a frame")
        }
        if let sustained {
            remarks.append(
                sustained > 0
                    ? "\(sustained) calls are sustained: p99 under \(LoadStage.longestRoundTrip.formatted(0)) ms, nothing "
                        + "lost, nothing foreign" : "not even the first number of calls is sustained"
            )
        }
        return remarks
    }

    static let heads = [
        "calls", "up p50", "p99", "down p50", "p99", "trip p50", "p95", "p99", "max", "lost", "foreign", "work",
        "share",
        "KiB a call", "open", "lag mean", "max", "fleet",
    ]

    static func cells(_ stage: LoadStage.Result) -> [String] {
        let metrics = stage.metrics
        func cell(_ value: Double?, _ digits: Int = 2) -> String { value?.formatted(digits) ?? "–" }
        func percent(_ value: Double?) -> String { value.map { "\(($0 * 100).formatted(0)) %" } ?? "–" }
        return [
            "\(metrics.calls)", cell(metrics.up?.p50), cell(metrics.up?.p99), cell(metrics.down?.p50),
            cell(metrics.down?.p99), cell(metrics.roundTrip?.p50), cell(metrics.roundTrip?.p95),
            cell(metrics.roundTrip?.p99), cell(metrics.roundTrip?.maximum), cell(metrics.lostMilliseconds, 0),
            "\(metrics.foreignFrames)", cell(stage.workPerCallSecond), percent(stage.bridgeShare),
            cell(stage.memoryPerCall.map { Double($0) / 1024 }, 1), stage.descriptors.map { "\($0)" } ?? "–",
            cell(stage.lag?.meanMilliseconds), cell(stage.lag?.worstMilliseconds), percent(metrics.fleetShare),
        ]
    }

    private static func aligned(_ rows: [[String]]) -> [String] {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths)
                .map { cell, width in String(repeating: " ", count: width - cell.count) + cell }
                .joined(separator: "  ")
        }
    }
}
#endif
