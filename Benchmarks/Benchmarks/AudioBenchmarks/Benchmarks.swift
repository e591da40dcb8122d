import Benchmark

let benchmarks: @Sendable () -> Void = {
    resamplingBenchmarks()
    compandingBenchmarks()
    callPathBenchmarks()
    byteRingBenchmarks()
    opusBenchmarks()
}
