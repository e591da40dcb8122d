import TalkpathAudio

/// Converts signed 16-bit little-endian samples from one rate to another.
struct ResampleStage: PipeStage, ~Copyable {
    private var resampler: StreamResampler
    /// True if any input came. Empty input gives empty output, without the filter's silence.
    private var hasInput = false

    init(_ resampler: consuming StreamResampler) {
        self.resampler = resampler
    }

    var unit: Int { 2 }

    mutating func convert(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) throws {
        hasInput = true
        let samples = [Int16](littleEndian: input)
        var resampled = [Int16](repeating: 0, count: resampler.maximumOutputCount(for: samples.count))
        var target = resampled.mutableSpan
        let count = try resampler.process(samples.span, into: &target)
        output.append(samples: resampled.prefix(count))
    }

    mutating func finish(into output: inout [UInt8]) throws {
        guard hasInput else { return }
        var resampled = [Int16](repeating: 0, count: resampler.maximumFlushCount)
        var target = resampled.mutableSpan
        let count = try resampler.flush(into: &target)
        output.append(samples: resampled.prefix(count))
    }
}

/// Converts signed 16-bit little-endian samples to G.711 codes.
struct EncodeStage: PipeStage {
    let law: AudioFormat.Encoding

    var unit: Int { 2 }

    mutating func convert(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) {
        let samples = [Int16](littleEndian: input)
        var codes = [UInt8](repeating: 0, count: samples.count)
        var target = codes.mutableSpan
        _ = law == .alaw ? ALaw.encode(samples.span, into: &target) : MuLaw.encode(samples.span, into: &target)
        output += codes
    }

    func finish(into output: inout [UInt8]) {}
}

/// Converts G.711 codes to signed 16-bit little-endian samples.
struct DecodeStage: PipeStage {
    let law: AudioFormat.Encoding

    var unit: Int { 1 }

    mutating func convert(_ input: UnsafeRawBufferPointer, into output: inout [UInt8]) {
        var samples = [Int16](repeating: 0, count: input.count)
        var target = samples.mutableSpan
        _ = law == .alaw ? ALaw.decode(input.bytes, into: &target) : MuLaw.decode(input.bytes, into: &target)
        output.append(samples: samples[...])
    }

    func finish(into output: inout [UInt8]) {}
}

extension [Int16] {
    /// Drops a last odd byte.
    fileprivate init(littleEndian bytes: UnsafeRawBufferPointer) {
        self = (0..<bytes.count / 2).map {
            Int16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: Int16.self))
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(samples: ArraySlice<Int16>) {
        for sample in samples {
            append(UInt8(truncatingIfNeeded: sample))
            append(UInt8(truncatingIfNeeded: sample >> 8))
        }
    }
}
