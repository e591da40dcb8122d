import CoreMetrics
import Synchronization

/// A metric: one or more lines of the exposition. Updates may come from any thread and take no lock.
protocol PrometheusMetric: AnyObject, Sendable {
    static var kind: PrometheusRegistry.Kind { get }
    func write(name: String, labels: String, to text: inout String)
}

/// A value that only rises.
final class PrometheusCounter: PrometheusMetric, CounterHandler {
    static let kind = PrometheusRegistry.Kind.counter

    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) {
        // Prometheus would take a falling counter for a restart.
        guard amount > 0 else { return }
        value.wrappingAdd(amount, ordering: .relaxed)
    }

    func reset() {
        value.store(0, ordering: .relaxed)
    }

    func write(name: String, labels: String, to text: inout String) {
        text += "\(name)\(PrometheusText.braced(labels)) \(value.load(ordering: .relaxed))\n"
    }
}

/// A sum of fractions that only rises.
final class PrometheusSum: PrometheusMetric, FloatingPointCounterHandler {
    static let kind = PrometheusRegistry.Kind.counter

    private let gauge = PrometheusGauge()

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        gauge.increment(by: amount)
    }

    func reset() { gauge.set(0.0) }

    func write(name: String, labels: String, to text: inout String) {
        gauge.write(name: name, labels: labels, to: &text)
    }
}

/// A value that can be set.
final class PrometheusGauge: PrometheusMetric, MeterHandler, RecorderHandler {
    static let kind = PrometheusRegistry.Kind.gauge

    private let bits = Atomic<UInt64>(0)

    func set(_ value: Int64) { set(Double(value)) }

    func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    func increment(by amount: Double) { add(amount) }

    func decrement(by amount: Double) { add(-amount) }

    func record(_ value: Int64) { set(Double(value)) }

    func record(_ value: Double) { set(value) }

    func write(name: String, labels: String, to text: inout String) {
        let value = Double(bitPattern: bits.load(ordering: .relaxed))
        text += "\(name)\(PrometheusText.braced(labels)) \(PrometheusText.number(value))\n"
    }

    private func add(_ amount: Double) {
        var known = bits.load(ordering: .relaxed)
        while true {
            let next = (Double(bitPattern: known) + amount).bitPattern
            let (done, original) = bits.weakCompareExchange(expected: known, desired: next, ordering: .relaxed)
            if done { return }
            known = original
        }
    }
}

/// Counts in buckets. Takes durations in nanoseconds and shows them in seconds.
final class PrometheusHistogram: PrometheusMetric, TimerHandler, RecorderHandler {
    static let kind = PrometheusRegistry.Kind.histogram

    /// Upper bounds, rising.
    private let bounds: [Double]
    private let counts: [Bucket]
    /// In billionths of the unit.
    private let sum = Atomic<Int64>(0)

    private final class Bucket: Sendable {
        let count = Atomic<Int64>(0)
    }

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = (0...bounds.count).map { _ in Bucket() }
    }

    /// Calls last minutes; the other measured durations are milliseconds.
    static func bounds(of label: String) -> [Double] {
        label.contains("call_duration")
            ? [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200]
            : [
                0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3,
                5, 10,
            ]
    }

    func recordNanoseconds(_ duration: Int64) {
        add(Double(duration) / 1e9, billionths: duration)
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        add(value, billionths: Int64(exactly: (value * 1e9).rounded()) ?? 0)
    }

    func write(name: String, labels: String, to text: inout String) {
        var total: Int64 = 0
        for (index, bucket) in counts.enumerated() {
            total += bucket.count.load(ordering: .relaxed)
            let bound = index < bounds.count ? PrometheusText.number(bounds[index]) : "+Inf"
            text += "\(name)_bucket\(PrometheusText.braced(labels, and: #"le="\#(bound)""#)) \(total)\n"
        }
        let sum = Double(self.sum.load(ordering: .relaxed)) / 1e9
        text += "\(name)_sum\(PrometheusText.braced(labels)) \(PrometheusText.number(sum))\n"
        text += "\(name)_count\(PrometheusText.braced(labels)) \(total)\n"
    }

    private func add(_ value: Double, billionths: Int64) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts[index].count.wrappingAdd(1, ordering: .relaxed)
        sum.wrappingAdd(billionths, ordering: .relaxed)
    }
}
