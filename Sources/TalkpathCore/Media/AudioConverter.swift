package import TalkpathAudio

/// Turns a stream of audio bytes of one format into bytes of another: decode, resample, encode.
///
/// State is kept across chunks, so any chunking gives the same bytes. Nothing is allocated after `init`.
/// Confined to one thread. Which engine resamples is settled at `init`: a branch a chunk, no existential.
package struct AudioConverter: ~Copyable {
    package let input: AudioFormat
    package let output: AudioFormat

    private var resampler: StreamResampler
    /// Chunks lost because the engine failed; it begins anew after each.
    private var failures = 0
    private let source: Scratch<Int16>
    private let resampled: Scratch<Int16>
    private let encoded: Scratch<UInt8>
    /// The first half of a 16-bit sample whose second half has not come yet.
    private var halfSample: UInt8?

    private let isPassThrough: Bool

    /// Samples of input that are worked on at a time: 60 ms at 8 kHz, 20 ms at 24 kHz.
    private static let sliceSamples = 480

    /// - Parameter engine: who resamples. Between equal rates nobody does.
    /// - Throws: `ResamplerError` if the engine has no filter for this pair of sample rates.
    package init(
        from input: AudioFormat,
        to output: AudioFormat,
        engine: ResamplerEngine = .default
    ) throws(ResamplerError) {
        self.input = input
        self.output = output
        // Below, a millisecond is no whole sample; beyond, nobody's audio. Milliseconds are what the pipelines count in.
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

    /// What happens to the audio, in words, for logs.
    package var description: String {
        if isPassThrough { return "\(input) untouched" }
        return input.sampleRate == output.sampleRate
            ? "\(input) -> \(output)" : "\(input) -> \(output) (\(resampler.description))"
    }

    /// Converts `bytes` and hands over what comes out, in order, in one or more pieces.
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

    /// Whole samples only, here too: half a sample that is never completed would turn all that follows into noise.
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

    /// Hands over what the filter still holds, and is as new afterwards.
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

    /// Drops what the filter still holds.
    package mutating func reset() {
        halfSample = nil
        resampler.reset()
    }

    /// Decodes up to a slice of samples, and says how many.
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
                // Safety: `whole` samples stand at `offset`, and `source` has room for them behind `filled`.
                // The wire is little-endian, and so is every machine this is built for.
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

    /// Chunks lost, since the last call, because the engine failed. Polyphase never does.
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
