import AudioHotPaths
import Benchmark

let benchmarks: @Sendable () -> Void = {
    for path in HotPath.all { Benchmark(path) }
}
