// The audio core's entry points for `main.c`, in the same module as the sources that `Scripts/check-arm64` compiles.

/// Resamples by our own engine, `block` samples at a time and to the end.
/// - Returns: the samples written; -1 if there is no such pair, or no room.
@_cdecl("probe_resample")
func probeResample(
    _ from: Int,
    _ to: Int,
    _ profile: Int,
    _ block: Int,
    _ input: UnsafePointer<Int16>,
    _ count: Int,
    _ output: UnsafeMutablePointer<Int16>,
    _ room: Int
) -> Int {
    do {
        var resampler = try Resampler(from: from, to: to, profile: ResamplerProfile.allCases[profile])
        var written = 0
        var taken = 0
        while taken < count {
            let some = min(block, count - taken)
            let target = UnsafeMutableBufferPointer(start: output + written, count: room - written)
            written += try resampler.process(UnsafeBufferPointer(start: input + taken, count: some), into: target)
            taken += some
        }
        var rest = UnsafeMutableBufferPointer(start: output + written, count: room - written).mutableSpan
        return try written + resampler.flush(into: &rest)
    } catch {
        return -1
    }
}

@_cdecl("probe_encode")
func probeEncode(_ isALaw: Bool, _ input: UnsafePointer<Int16>, _ count: Int, _ output: UnsafeMutablePointer<UInt8>) {
    let samples = UnsafeBufferPointer(start: input, count: count).span
    var codes = UnsafeMutableBufferPointer(start: output, count: count).mutableSpan
    if isALaw { ALaw.encode(samples, into: &codes) } else { MuLaw.encode(samples, into: &codes) }
}

@_cdecl("probe_decode")
func probeDecode(_ isALaw: Bool, _ input: UnsafeRawPointer, _ count: Int, _ output: UnsafeMutablePointer<Int16>) {
    let codes = UnsafeRawBufferPointer(start: input, count: count).bytes
    var samples = UnsafeMutableBufferPointer(start: output, count: count).mutableSpan
    if isALaw { ALaw.decode(codes, into: &samples) } else { MuLaw.decode(codes, into: &samples) }
}

// The C library's, without a module of it.
@_silgen_name("cos") func cosine(_ x: Double) -> Double
