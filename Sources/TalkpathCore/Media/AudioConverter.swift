package import TalkpathAudio

/// Converts a stream of audio bytes from one format to another: decode, resample, encode.
///
/// State carries over between chunks, so the output does not depend on the chunking. Allocates nothing after `init`.
/// Confined to one thread. `init` selects the resampling engine, which costs a branch a chunk and no existential.
package struct AudioConverter: ~Copyable {
    package let input: AudioFormat
    package let output: AudioFormat

    private var resampler: StreamResampler
    /// Chunks lost because the engine failed; the engine is reset after each.
    private var failures = 0
    private let source: Scratch<Int16>
    private let resampled: Scratch<Int16>
    private let encoded: Scratch<UInt8>
    /// The first byte of a 16-bit sample whose second byte has not arrived.
    private var halfSample: UInt8?

    private let isPassThrough: Bool

    /// The samples of one slice of input: 60 ms at 8 kHz, 20 ms at 24 kHz.
    private static let sliceSamples = 480

    /// - Parameter engine: the resampling engine; not used between equal rates.
    /// - Throws: `ResamplerError` if the engine has no filter for this pair of sample rates.
    package init(
        from input: AudioFormat,
        to output: AudioFormat,
        engine: ResamplerEngine = .default
    ) throws(ResamplerError) {
        self.input = input
        self.output = output
        // Below 1000 Hz a millisecond, the pipelines' unit, is less than a sample; audio beyond 384 kHz does not occur.
        guard (1000...384_000).contains(input.sampleRate), (1000...384_000).contains(output.sampleRate) else {
            throw ResamplerError(
                inputRate: input.sampleRate,
                outputRate: output.sampleRate,
                reason: .rateOutOfRange
            )
        }
        resampler = try StreamResampler(
            from: input.sampleRate,
            to: output.sampleRate,
            engine: input.sampleRate == output.sampleRate ? .default : engine
        )
        isPassThrough = input == output
        let samples =
            isPassThrough ? 0 : max(resampler.maximumOutputCount(for: Self.sliceSamples), resampler.maximumFlushCount)
        source = Scratch(repeating: 0, count: isPassThrough ? 0 : Self.sliceSamples)
        resampled = Scratch(repeating: 0, count: samples)
        encoded = Scratch(repeating: 0, count: output.encoding == .pcm16 ? 0 : samples)
    }

    /// The conversion in words, for logs.
    package var description: String {
        if isPassThrough { return "\(input) untouched" }
        return input.sampleRate == output.sampleRate
            ? "\(input) -> \(output)" : "\(input) -> \(output) (\(resampler.description))"
    }

    /// Converts `bytes` and passes the output to `body`, in order, in one or more pieces.
    ///
    /// An odd byte of 16-bit audio waits for its other half in the next call.
    package mutating func convert(_ bytes: RawSpan, _ body: (RawSpan) -> Void) {
        guard !isPassThrough else {
            passThrough(bytes, body)
            return
        }
        var offset = 0
        while offset < bytes.byteCount {
            let samples = fill(from: bytes, at: &offset)
            if samples > 0 { emit(samples, body) }
        }
    }

    /// Passes whole samples only, because half a sample that is never completed would turn all further audio into
    /// noise.
    private mutating func passThrough(_ bytes: RawSpan, _ body: (RawSpan) -> Void) {
        var rest = bytes
        if input.encoding == .pcm16, halfSample != nil || rest.byteCount % 2 != 0 {
            if let low = halfSample, rest.byteCount > 0 {
                var sample = UInt16(low) | UInt16(rest.unsafeLoad(fromByteOffset: 0, as: UInt8.self)) << 8
                halfSample = nil
                withUnsafeBytes(of: &sample) { body($0.bytes) }
                rest = rest.extracting(1..<rest.byteCount)
            }
            if rest.byteCount % 2 != 0 {
                halfSample = rest.unsafeLoad(fromByteOffset: rest.byteCount - 1, as: UInt8.self)
                rest = rest.extracting(0..<rest.byteCount - 1)
            }
        }
        if rest.byteCount > 0 { body(rest) }
    }

    /// Passes the rest in the filter to `body`, and resets.
    package mutating func finish(_ body: (RawSpan) -> Void) {
        halfSample = nil
        guard !isPassThrough else { return }
        let memory = resampled.memory
        var target = memory.mutableSpan
        do {
            let count = try resampler.flush(into: &target)
            if count > 0 { write(count, body) }
        } catch {
            failed()
        }
    }

    /// Drops the rest in the filter.
    package mutating func reset() {
        halfSample = nil
        resampler.reset()
    }

    /// Decodes up to a slice of samples, and returns their number.
    private mutating func fill(from bytes: RawSpan, at offset: inout Int) -> Int {
        switch input.encoding {
        case .mulaw:
            let count = min(bytes.byteCount - offset, Self.sliceSamples)
            let memory = source.memory
            var target = memory.mutableSpan
            let decoded = MuLaw.decode(bytes.extracting(offset..<offset + count), into: &target)
            offset += count
            return decoded
        case .alaw:
            let count = min(bytes.byteCount - offset, Self.sliceSamples)
            let memory = source.memory
            var target = memory.mutableSpan
            let decoded = ALaw.decode(bytes.extracting(offset..<offset + count), into: &target)
            offset += count
            return decoded
        case .pcm16:
            return fillPCM(from: bytes, at: &offset)
        }
    }

    private mutating func fillPCM(from bytes: RawSpan, at offset: inout Int) -> Int {
        var filled = 0
        if let low = halfSample {
            let high = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            source.memory[0] = Int16(bitPattern: UInt16(low) | UInt16(high) << 8)
            halfSample = nil
            offset += 1
            filled = 1
        }
        let whole = min((bytes.byteCount - offset) / 2, Self.sliceSamples - filled)
        if whole > 0 {
            bytes.withUnsafeBytes { from in
                let to = UnsafeMutableRawPointer(source.memory.baseAddress! + filled)
                // Safety: `whole` samples begin at `offset`, and `source` has room for them after `filled`. The wire is
                // little-endian, and so is every machine that this is built for.
                to.copyMemory(from: from.baseAddress! + offset, byteCount: whole * 2)
            }
            offset += whole * 2
            filled += whole
        }
        if bytes.byteCount - offset == 1 {
            halfSample = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            offset += 1
        }
        return filled
    }

    private mutating func emit(_ samples: Int, _ body: (RawSpan) -> Void) {
        let (memory, input) = (resampled.memory, source.memory)
        var target = memory.mutableSpan
        do {
            let count = try resampler.process(input.span.extracting(0..<samples), into: &target)
            if count > 0 { write(count, body) }
        } catch {
            failed()
        }
    }

    /// Chunks lost since the last call because the engine failed. The polyphase engine never fails.
    package mutating func takeFailures() -> Int {
        defer { failures = 0 }
        return failures
    }

    private mutating func failed() {
        failures += 1
        resampler.reset()
    }

    private mutating func write(_ count: Int, _ body: (RawSpan) -> Void) {
        let (memory, bytes) = (resampled.memory, encoded.memory)
        let samples = memory.span.extracting(0..<count)
        switch output.encoding {
        case .pcm16:
            body(samples.bytes)
        case .mulaw:
            var target = bytes.mutableSpan
            let written = MuLaw.encode(samples, into: &target)
            body(bytes.span.extracting(0..<written).bytes)
        case .alaw:
            var target = bytes.mutableSpan
            let written = ALaw.encode(samples, into: &target)
            body(bytes.span.extracting(0..<written).bytes)
        }
    }
}
