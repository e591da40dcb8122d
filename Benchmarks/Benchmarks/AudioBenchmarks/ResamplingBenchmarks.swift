import Benchmark
import TalkpathAudio

/// A 20 ms frame through a resampler, by instruction set.
func resamplingBenchmarks() {
    for (from, to) in [(8000, 24000), (24000, 8000), (8000, 16000), (16000, 8000), (16000, 24000), (8000, 48000)] {
        for instructions in InstructionSet.available {
            Benchmark(frames: "resample \(from) to \(to), \(instructions.rawValue)") {
                let resampler = Box(try Resampler(from: from, to: to, instructions: instructions))
                let (input, output) = (memory(noise(count: from / 50)), memory(noise(count: to / 50)))
                return {
                    var target = output.mutableSpan
                    resampler.value.process(input.span, into: &target)
                }
            }
        }
    }
    Benchmark(frames: "resample 8000 to 24000, libsamplerate-fastest") {
        let resampler = Box(try StreamResampler(from: 8000, to: 24000, engine: .libsamplerate(.fastest)))
        let (input, output) = (memory(noise(count: 160)), memory(noise(count: 500)))
        return {
            var target = output.mutableSpan
            try resampler.value.process(input.span, into: &target)
        }
    }
}

/// Holds a noncopyable value for a closure.
final class Box<Value: ~Copyable> {
    var value: Value

    init(_ value: consuming Value) {
        self.value = value
    }
}
