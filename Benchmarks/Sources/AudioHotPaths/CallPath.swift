import TalkpathAudio

extension HotPath {
    /// The whole cost of a call's frame: mu-law to 24 kHz and 24 kHz to mu-law.
    static let callPath: [HotPath] = InstructionSet.available.map { instructions in
        HotPath("call, both ways 24 kHz, \(instructions.rawValue)") {
            let up = Box(try Resampler(from: 8000, to: 24000, instructions: instructions))
            let down = Box(try Resampler(from: 24000, to: 8000, instructions: instructions))
            let codes = memory([UInt8](repeating: 0x5A, count: 160))
            let (narrow, wide) = (memory(noise(count: 160)), memory(noise(count: 480)))
            return {
                var codeTarget = codes.mutableSpan
                var narrowTarget = narrow.mutableSpan
                var wideTarget = wide.mutableSpan
                MuLaw.decode(codes.span.bytes, into: &narrowTarget, instructions: instructions)
                try up.value.process(narrow.span, into: &wideTarget)
                try down.value.process(wide.span, into: &narrowTarget)
                MuLaw.encode(narrow.span, into: &codeTarget, instructions: instructions)
            }
        }
    }
}
