import AudioHotPaths
import Benchmark
import CAllocationCounter

/// Heap allocations of a thousand frames. This figure is exact and the same on every machine: any but 0 is an error.
let allocations = BenchmarkMetric.custom("Allocations", polarity: .prefersSmaller, useScalingFactor: false)

extension Benchmark {
    @discardableResult
    convenience init?(_ path: HotPath) {
        self.init(
            path.name,
            configuration: .init(
                metrics: [.wallClock, allocations],
                scalingFactor: .kilo,
                maxDuration: .seconds(1),
                maxIterations: 2000
            )
        ) { benchmark in
            let work = try path.prepare()
            // Make now the objects that are made on first use.
            try work()
            benchmark.startMeasurement()
            // Within the measurement, for starting and stopping it allocates.
            let before = talkpath_allocation_count()
            for _ in benchmark.scaledIterations { try work() }
            let made = talkpath_allocation_count() - before
            benchmark.stopMeasurement()
            benchmark.measurement(allocations, Int(made))
            // The library's own thresholds know no metrics but its own.
            if made > 0 { benchmark.error("\(path.name): \(made) heap allocations, where there must be none") }
        }
    }
}
