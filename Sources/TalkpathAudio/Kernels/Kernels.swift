import CTalkpathKernels

/// The inner loops by instruction set: the portable form in Swift, or its equal in the C target. Resamplers and the
/// G.711 codecs call only these.
///
/// A dispatch costs one predictable branch a block. The instruction set is fixed when a stage is made, or is
/// ``InstructionSet/best``; the caller ensures that the machine has it.
enum Kernels {
    /// See ``SampleKernel/convolve(_:coefficients:offsets:taps:into:count:)``.
    static func convolve(
        _ source: UnsafePointer<Float>,
        coefficients: UnsafePointer<Float>,
        offsets: UnsafePointer<Int>,
        taps: Int,
        into target: UnsafeMutablePointer<Float>,
        count: Int,
        with instructions: InstructionSet
    ) {
        #if arch(x86_64)
        if instructions == .avx2 {
            return talkpath_avx2_convolve(source, coefficients, offsets, taps, target, count)
        }
        #endif
        SampleKernel.convolve(
            source,
            coefficients: coefficients,
            offsets: offsets,
            taps: taps,
            into: target,
            count: count
        )
    }

    /// Splits interleaved samples into `rowCount` rows of floats, `stride` floats apart. One, two or three rows.
    static func widen(
        _ source: UnsafePointer<Int16>,
        _ rows: UnsafeMutablePointer<Float>,
        stride: Int,
        rowCount: Int,
        count: Int,
        with instructions: InstructionSet
    ) {
        #if arch(x86_64)
        if instructions == .avx2 {
            switch rowCount {
            case 1: talkpath_avx2_widen(source, rows, count)
            case 2: talkpath_avx2_widen_pairs(source, rows, rows + stride, count)
            default: talkpath_avx2_widen_triples(source, rows, stride, count)
            }
            return
        }
        #endif
        switch rowCount {
        case 1: SampleKernel.widen(source, rows, count: count)
        case 2: SampleKernel.widenPairs(source, rows, rows + stride, pairs: count)
        default: SampleKernel.widenTriples(source, rows, stride: stride, triples: count)
        }
    }

    /// Interleaves `rowCount` rows of floats, `stride` floats apart, into samples. One, two or three rows; their
    /// content may be overwritten.
    static func narrow(
        _ rows: UnsafeMutablePointer<Float>,
        stride: Int,
        rowCount: Int,
        _ target: UnsafeMutablePointer<Int16>,
        count: Int,
        with instructions: InstructionSet
    ) {
        #if arch(x86_64)
        if instructions == .avx2 {
            switch rowCount {
            case 1: talkpath_avx2_narrow(rows, target, count)
            case 2: talkpath_avx2_narrow_pairs(rows, rows + stride, target, count)
            default: talkpath_avx2_narrow_triples(rows, stride, target, count)
            }
            return
        }
        #endif
        switch rowCount {
        case 1: SampleKernel.narrow(rows, target, count: count)
        case 2: SampleKernel.narrowPairs(rows, rows + stride, target, pairs: count)
        default: SampleKernel.narrowTriples(rows, stride: stride, target, triples: count)
        }
    }

    static func encodeMuLaw(
        _ source: UnsafePointer<Int16>,
        _ target: UnsafeMutablePointer<UInt8>,
        count: Int,
        with instructions: InstructionSet
    ) {
        var done = 0
        #if arch(x86_64)
        if instructions == .avx2 { done = talkpath_avx2_encode_mulaw(source, target, count) }
        #endif
        G711Kernel.encodeMuLaw(source + done, target + done, count: count - done)
    }

    static func decodeMuLaw(
        _ source: UnsafeRawPointer,
        _ target: UnsafeMutablePointer<Int16>,
        count: Int,
        with instructions: InstructionSet
    ) {
        var done = 0
        #if arch(x86_64)
        if instructions == .avx2 {
            done = talkpath_avx2_decode_mulaw(source.assumingMemoryBound(to: UInt8.self), target, count)
        }
        #endif
        G711Kernel.decodeMuLaw(source + done, target + done, count: count - done)
    }

    static func encodeALaw(
        _ source: UnsafePointer<Int16>,
        _ target: UnsafeMutablePointer<UInt8>,
        count: Int,
        with instructions: InstructionSet
    ) {
        var done = 0
        #if arch(x86_64)
        if instructions == .avx2 { done = talkpath_avx2_encode_alaw(source, target, count) }
        #endif
        G711Kernel.encodeALaw(source + done, target + done, count: count - done)
    }

    static func decodeALaw(
        _ source: UnsafeRawPointer,
        _ target: UnsafeMutablePointer<Int16>,
        count: Int,
        with instructions: InstructionSet
    ) {
        var done = 0
        #if arch(x86_64)
        if instructions == .avx2 {
            done = talkpath_avx2_decode_alaw(source.assumingMemoryBound(to: UInt8.self), target, count)
        }
        #endif
        G711Kernel.decodeALaw(source + done, target + done, count: count - done)
    }
}
