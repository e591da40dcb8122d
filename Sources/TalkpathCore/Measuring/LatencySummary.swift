/// What a record says of measured durations. Quantiles are true to about 9 %, mean and maximum are exact.
public struct LatencySummary: Equatable, Sendable {
    public var count = 0
    public var mean = Duration.zero
    public var median = Duration.zero
    /// What 95 of a hundred do not exceed.
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
