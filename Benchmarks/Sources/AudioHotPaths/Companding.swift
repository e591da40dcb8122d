import TalkpathAudio

extension HotPath {
    /// G.711 on a frame, by instruction set.
    static let companding: [HotPath] = InstructionSet.available.flatMap { instructions in
        [
            HotPath("mu-law encode, \(instructions.rawValue)") {
                let (samples, codes) = buffers()
                return {
                    var target = codes.mutableSpan
                    MuLaw.encode(samples.span, into: &target, instructions: instructions)
                }
            },
            HotPath("mu-law decode, \(instructions.rawValue)") {
                let (samples, codes) = buffers()
                return {
                    var target = samples.mutableSpan
                    MuLaw.decode(codes.span.bytes, into: &target, instructions: instructions)
                }
            },
            HotPath("A-law encode, \(instructions.rawValue)") {
                let (samples, codes) = buffers()
                return {
                    var target = codes.mutableSpan
                    ALaw.encode(samples.span, into: &target, instructions: instructions)
                }
            },
            HotPath("A-law decode, \(instructions.rawValue)") {
                let (samples, codes) = buffers()
                return {
                    var target = samples.mutableSpan
                    ALaw.decode(codes.span.bytes, into: &target, instructions: instructions)
                }
            },
        ]
    }

    private static func buffers() -> (UnsafeMutableBufferPointer<Int16>, UnsafeMutableBufferPointer<UInt8>) {
        (memory(noise(count: 160)), memory([UInt8](repeating: 0x5A, count: 160)))
    }
}
