/// A streaming resampler between two of the rates 8, 16, 24 and 48 kHz: a polyphase FIR filter with linear phase.
///
/// * Every 20 ms block comes out full: `n` inputs give exactly ⌊n · outputRate ÷ inputRate⌋ outputs, from the first
///   block on. The filter starts from silence; ``latencyInInputSamples`` tells how late the signal is.
/// * The output is the same bit for bit however the caller cuts the input into chunks, single samples included.
/// * Values beyond full scale saturate; they never wrap.
/// * `process` allocates nothing. An instance is for one thread at a time and takes about 8 KiB.
///
/// ```swift
/// var resampler = try Resampler(from: 8000, to: 24000)
/// let count = try resampler.process(frame.span, into: &output)
/// ```
public struct Resampler: AudioResampler, ~Copyable {
    public let inputRate: Int
    public let outputRate: Int
    public let profile: ResamplerProfile

    /// With equal rates it has one tap and one phase, and `process` copies instead of running it.
    private var filter: PolyphaseFilter
    private let isPassThrough: Bool

    /// - Parameters:
    ///   - inputRate: input samples per second.
    ///   - outputRate: output samples per second.
    ///   - profile: the share of the band to keep, which decides the latency.
    ///   - instructions: the form of the kernels to run; the portable one if the machine lacks it.
    /// - Throws: ``ResamplerError`` if there is no filter for this pair of rates. Equal rates work if they are
    ///   positive.
    public init(
        from inputRate: Int,
        to outputRate: Int,
        profile: ResamplerProfile = .telephone,
        instructions: InstructionSet = .best
    ) throws(ResamplerError) {
        self.inputRate = inputRate
        self.outputRate = outputRate
        self.profile = profile
        isPassThrough = inputRate == outputRate
        guard inputRate > 0, outputRate > 0 else {
            throw ResamplerError(inputRate: inputRate, outputRate: outputRate, reason: .ratioOutOfRange)
        }
        guard !isPassThrough else {
            filter = PolyphaseFilter(up: 1, down: 1, prototype: [1], instructions: instructions)
            return
        }
        let rates = [8000, 16000, 24000, 48000]
        guard rates.contains(inputRate), rates.contains(outputRate) else {
            throw ResamplerError(inputRate: inputRate, outputRate: outputRate)
        }
        let divisor = Self.greatestCommonDivisor(inputRate, outputRate)
        let up = outputRate / divisor
        let down = inputRate / divisor
        guard let taps = ResamplerTaps.taps(ratio: max(up, down), profile: profile) else {
            throw ResamplerError(inputRate: inputRate, outputRate: outputRate)
        }
        filter = PolyphaseFilter(up: up, down: down, prototype: taps, instructions: instructions)
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        b == 0 ? a : greatestCommonDivisor(b, a % b)
    }

    /// Resamples all of `input`. Allocates nothing.
    /// - Parameter output: ``outputCount(for:)`` samples or more.
    /// - Returns: the number of samples written to the front of `output`.
    /// - Throws: only `outputTooShort`, before it consumes or writes anything.
    @discardableResult
    public mutating func process(
        _ input: Span<Int16>,
        into output: inout MutableSpan<Int16>
    ) throws(ResamplerError) -> Int {
        let count = outputCount(for: input.count)
        try checkRoom(output.count, for: count)
        input.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                convert(source, into: target, count: count)
            }
        }
        return count
    }

    /// Resamples memory that is not a span; otherwise equal to `process(_:into:)` with spans.
    @discardableResult
    public mutating func process(
        _ input: UnsafeBufferPointer<Int16>,
        into output: UnsafeMutableBufferPointer<Int16>
    ) throws(ResamplerError) -> Int {
        let count = outputCount(for: input.count)
        try checkRoom(output.count, for: count)
        convert(input, into: output, count: count)
        return count
    }

    /// - Parameters:
    ///   - output: room for `count` samples.
    ///   - count: the number of outputs that `input` gives.
    private mutating func convert(
        _ input: UnsafeBufferPointer<Int16>,
        into output: UnsafeMutableBufferPointer<Int16>,
        count: Int
    ) {
        guard let source = input.baseAddress, input.count > 0 else { return }
        if isPassThrough {
            output.baseAddress?.update(from: source, count: count)
        } else {
            filter.process(source, count: input.count, into: output.baseAddress)
        }
    }

    /// Resamples a whole array into a new one. For tests, tools and anything off the media path: it allocates.
    public mutating func resampled(_ input: [Int16]) -> [Int16] {
        let outputCount = outputCount(for: input.count)
        // Asks for one sample more: an array without capacity is a shared static object, and all threads would write
        // its count.
        return [Int16](unsafeUninitializedCapacity: outputCount + 1) { buffer, count in
            input.withUnsafeBufferPointer { source in
                // Safety: the buffer has room for all samples written, and none of them is read before.
                convert(source, into: buffer, count: outputCount)
                count = outputCount
            }
        }
    }

    /// The exact number of samples that the next `process` of `inputCount` samples will write. Clamps `inputCount` to
    /// 0...2⁵⁰.
    public func outputCount(for inputCount: Int) -> Int {
        filter.outputCount(for: inputCount)
    }

    public func maximumOutputCount(for inputCount: Int) -> Int {
        filter.maximumOutputCount(for: inputCount)
    }

    /// Input samples by which the filter delays the signal, the same at every frequency. A fraction if the filter runs
    /// at a higher rate than the input.
    public var latencyInInputSamples: Double {
        filter.delay / Double(filter.up)
    }

    /// ``latencyInInputSamples`` in output samples.
    public var latencyInOutputSamples: Double {
        filter.delay / Double(filter.down)
    }

    /// Clears all state: the next input is resampled as by a new instance.
    public mutating func reset() {
        filter.reset()
    }

    /// The exact number of samples that ``flush(into:)`` will write.
    public var flushCount: Int {
        isPassThrough ? 0 : outputCount(for: filter.flushInputCount)
    }

    public var maximumFlushCount: Int { flushCount }

    /// Writes the samples that the filter still holds at the end of the signal, as if silence followed, and resets.
    /// - Parameter output: ``flushCount`` samples or more.
    /// - Returns: the number of samples written.
    /// - Throws: only `outputTooShort`, which leaves the filter unchanged.
    @discardableResult
    public mutating func flush(into output: inout MutableSpan<Int16>) throws(ResamplerError) -> Int {
        try checkRoom(output.count, for: flushCount)
        guard !isPassThrough else { return 0 }
        var written = 0
        output.withUnsafeMutableBufferPointer { target in
            guard let target = target.baseAddress else { return }
            // Feeds one sample at a time, which needs no buffer of silence and happens once, at the end of a stream.
            var silence: Int16 = 0
            for _ in 0..<filter.flushInputCount {
                let count = filter.outputCount(for: 1)
                // Safety: the counts of all steps add up to `flushCount`, and the target has that much room.
                filter.process(&silence, count: 1, into: target + written)
                written += count
            }
        }
        reset()
        return written
    }

    /// A description for logs: `resample 8000 -> 24000 Hz (telephone, 87 taps, 1.79 ms)`.
    public var description: String {
        if isPassThrough { return "pass \(inputRate) Hz" }
        let milliseconds = latency.hundredthsOfMilliseconds
        return
            "resample \(inputRate) -> \(outputRate) Hz (\(profile.rawValue), \(filter.tapCount) taps, \(milliseconds) ms)"
    }
}

extension Duration {
    /// Milliseconds with two decimal places.
    var hundredthsOfMilliseconds: String {
        let hundredths = Int((milliseconds * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}
