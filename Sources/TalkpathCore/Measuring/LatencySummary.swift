/// A summary of measured durations. Quantiles are at most 25 % too high; mean and maximum are exact.
public struct LatencySummary: Equatable, Sendable {
    public var count = 0
    public var mean = Duration.zero
    public var median = Duration.zero
    /// The duration that 95 % of the recorded ones do not exceed.
    public var percentile95 = Duration.zero
    public var maximum = Duration.zero

    public init() {}

    public init(_ histogram: LatencyHistogram) {
        count = histogram.count
        mean = histogram.mean
        median = histogram.quantile(0.5)
        percentile95 = histogram.quantile(0.95)
        maximum = histogram.maximum
    }
}
