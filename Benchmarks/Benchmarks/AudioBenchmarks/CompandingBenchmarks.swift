import Benchmark
import TalkpathAudio

/// G.711 on a 20 ms frame, by instruction set.
func compandingBenchmarks() {
    let (samples, codes) = (memory(noise(count: 160)), memory([UInt8](repeating: 0x5A, count: 160)))
    for instructions in InstructionSet.available {
        let name = instructions.rawValue
        Benchmark(frames: "mu-law encode, \(name)") {
            {
                var target = codes.mutableSpan
                MuLaw.encode(samples.span, into: &target, instructions: instructions)
            }
        }
        Benchmark(frames: "mu-law decode, \(name)") {
            {
                var target = samples.mutableSpan
                MuLaw.decode(codes.span.bytes, into: &target, instructions: instructions)
            }
        }
        Benchmark(frames: "A-law encode, \(name)") {
            {
                var target = codes.mutableSpan
                ALaw.encode(samples.span, into: &target, instructions: instructions)
            }
        }
        Benchmark(frames: "A-law decode, \(name)") {
            {
                var target = samples.mutableSpan
                ALaw.decode(codes.span.bytes, into: &target, instructions: instructions)
            }
        }
    }
}
