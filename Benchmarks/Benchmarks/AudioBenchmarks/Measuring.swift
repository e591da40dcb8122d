import Benchmark
import CAllocationCounter

/// Heap allocations of a thousand frames. This figure is exact and the same on every machine: any but 0 is an error.
let allocations = BenchmarkMetric.custom("Allocations", polarity: .prefersSmaller, useScalingFactor: false)

extension Benchmark {
    /// A benchmark of work on frames that must allocate nothing. `prepare` makes what is needed and returns the work on
    /// one frame.
    @discardableResult
    convenience init?(frames name: String, _ prepare: @escaping () throws -> () throws -> Void) {
        self.init(
            name,
            configuration: .init(
                metrics: [.wallClock, .instructions, allocations],
                scalingFactor: .kilo,
                maxDuration: .seconds(1),
                maxIterations: 2000
            )
        ) { benchmark in
            let work = try prepare()
            // Whatever is made on first use is made now.
            try work()
            benchmark.startMeasurement()
            // Within the measurement, for starting and stopping it allocates.
            let before = talkpath_allocation_count()
            for _ in benchmark.scaledIterations { try work() }
            let made = talkpath_allocation_count() - before
            benchmark.stopMeasurement()
            benchmark.measurement(allocations, Int(made))
            // The library's own thresholds know no metrics but its own.
            if made > 0 { benchmark.error("\(name): \(made) heap allocations, where there must be none") }
        }
    }
}

/// Memory that keeps its place while a benchmark uses it again and again; it lives as long as the process.
func memory<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeMutableBufferPointer<Element> {
    let memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
    _ = memory.initialize(from: elements)
    return memory
}

/// Samples without a pattern, the same each time.
func noise(count: Int) -> [Int16] {
    var state: UInt32 = 1
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return Int16(truncatingIfNeeded: Int32(bitPattern: state) >> 17)
    }
}
