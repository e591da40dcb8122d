/// The spread of some durations, in milliseconds.
package struct Spread: Codable, Equatable, Sendable {
    package var count: Int
    package var p50: Double
    package var p95: Double
    package var p99: Double
    package var maximum: Double

    package init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        func quantile(_ share: Double) -> Double {
            sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
        }
        count = sorted.count
        p50 = quantile(0.5)
        p95 = quantile(0.95)
        p99 = quantile(0.99)
        maximum = sorted[sorted.count - 1]
    }
}

extension Double {
    /// The number as text, with that many digits after the decimal point.
    package func formatted(_ digits: Int) -> String {
        guard isFinite else { return "–" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let value = (self * scale).rounded() / scale
        var text = "\(value)"
        let behind = text.split(separator: ".").count > 1 ? text.split(separator: ".")[1].count : 0
        if behind > digits, digits == 0 { text = "\(Int(value))" }
        if behind < digits { text += String(repeating: "0", count: digits - behind) }
        return text
    }
}
