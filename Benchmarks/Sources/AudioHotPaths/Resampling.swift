import TalkpathAudio

extension HotPath {
    /// A frame through a resampler: each pair of rates by instruction set, then each engine that a call can select.
    static let resampling: [HotPath] = pairs + engines

    private static let pairs = [
        (8000, 24000), (24000, 8000), (8000, 16000), (16000, 8000), (16000, 24000), (8000, 48000),
    ]
    .flatMap { from, to in
        InstructionSet.available.map { instructions in
            HotPath("resample \(from) to \(to), \(instructions.rawValue)") {
                let resampler = Box(try Resampler(from: from, to: to, instructions: instructions))
                let (input, output) = (memory(noise(count: from / 50)), memory(noise(count: to / 50)))
                return {
                    var target = output.mutableSpan
                    try resampler.value.process(input.span, into: &target)
                }
            }
        }
    }

    private static let engines =
        ([.polyphase(.wide), .polyphase(.strict), .libsamplerate(.fastest)] as [ResamplerEngine])
        .map { engine in
            HotPath("resample 8000 to 24000, \(engine)") {
                let resampler = Box(try StreamResampler(from: 8000, to: 24000, engine: engine))
                let (input, output) = (memory(noise(count: 160)), memory(noise(count: 500)))
                return {
                    var target = output.mutableSpan
                    try resampler.value.process(input.span, into: &target)
                }
            }
        }
}
