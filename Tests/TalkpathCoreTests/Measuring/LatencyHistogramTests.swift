import TalkpathAudio
import Testing

@testable import TalkpathCore

struct LatencyHistogramTests {
    @Test func `an empty histogram gives zero everywhere`() {
        let histogram = LatencyHistogram()
        #expect(histogram.count == 0 && histogram.mean == .zero && histogram.maximum == .zero)
        #expect(histogram.quantile(0.5) == .zero)
    }

    @Test func `a quantile is never below the true value and at most a quarter above it`() {
        var histogram = LatencyHistogram()
        let values = (1...1000).map { Duration.microseconds(100 * $0) }
        for value in values.shuffled() { histogram.record(value) }
        for percent in [1, 10, 50, 90, 95, 99, 100] {
            let truth = values[percent * 10 - 1]
            let told = histogram.quantile(Double(percent) / 100)
            #expect(told >= truth && told <= truth * 5 / 4, "\(percent) %: \(told) for \(truth)")
        }
        #expect(histogram.maximum == .milliseconds(100) && histogram.mean == .microseconds(50_050))
    }

    @Test(arguments: [-5, 0, 1, 65_535, 65_536, 1 << 40, Int64.max])
    func `every duration has a bucket`(nanoseconds: Int64) {
        var histogram = LatencyHistogram()
        histogram.record(.nanoseconds(nanoseconds))
        #expect(histogram.count == 1)
        #expect(histogram.quantile(1) == .nanoseconds(max(0, nanoseconds)))
    }

    @Test func `a merged histogram has the values of both`() {
        var (first, second, both) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
        for value in 1...50 {
            first.record(.milliseconds(value))
            second.record(.milliseconds(value * 7))
            both.record(.milliseconds(value))
            both.record(.milliseconds(value * 7))
        }
        first.merge(second)
        #expect(first == both)
    }
}
