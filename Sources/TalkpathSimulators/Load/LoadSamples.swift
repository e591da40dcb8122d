/// Durations, each kept, so that every quantile is exact.
package struct LoadSamples: Sendable {
    /// In microseconds.
    private var values: [Int32] = []

    package init() {}

    package var count: Int { values.count }
    /// The longest duration so far, in milliseconds.
    package var longest: Double { Double(maximum) / 1000 }
    private var maximum: Int32 = 0

    package mutating func reserve(_ count: Int) { values.reserveCapacity(count) }

    package mutating func record(nanoseconds: Int64) {
        let value = Int32(clamping: max(0, nanoseconds) / 1000)
        values.append(value)
        maximum = max(maximum, value)
    }

    package mutating func removeAll() {
        values.removeAll(keepingCapacity: true)
        maximum = 0
    }

    /// The quantiles in milliseconds; `nil` if nothing was recorded.
    package func spread() -> LoadSpread? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        func quantile(_ share: Double) -> Double {
            Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]) / 1000
        }
        return LoadSpread(
            count: sorted.count,
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            maximum: Double(sorted[sorted.count - 1]) / 1000
        )
    }
}

/// The distribution of durations, in milliseconds.
package struct LoadSpread: Codable, Equatable, Sendable {
    package var count: Int
    package var p50: Double
    package var p95: Double
    package var p99: Double
    package var maximum: Double

    /// The same distribution, with all durations longer by that much.
    package func shifted(by milliseconds: Double) -> LoadSpread {
        LoadSpread(
            count: count,
            p50: p50 + milliseconds,
            p95: p95 + milliseconds,
            p99: p99 + milliseconds,
            maximum: maximum + milliseconds
        )
    }
}
