/// A streaming resampler between two of the rates 8, 16, 24 and 48 kHz: a polyphase FIR filter with linear phase.
///
/// * Every 20 ms block comes out full: the outputs after `n` inputs are exactly ⌊n · outputRate ÷ inputRate⌋, from the
///   first block on. The filter's memory begins as silence; ``latency`` says how late the signal is.
/// * The output is the same bit for bit however the input is cut into chunks, single samples included.
/// * Full scale saturates, it never wraps.
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

    /// One tap and one phase if both rates are equal; then `process` copies instead.
    private var filter: PolyphaseFilter
    private let isPassThrough: Bool

    /// - Parameters:
    ///   - from: input samples per second.
    ///   - to: output samples per second.
    ///   - profile: how much of the band is kept, and so the latency.
    ///   - instructions: which form of the kernels to run; one that the machine lacks becomes the portable one.
    /// - Throws: if there is no filter for this pair of rates. Equal rates work if they are positive.
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
    /// - Parameter output: holds ``outputCount(for:)`` samples or more.
    /// - Returns: the samples written to the front of `output`.
    /// - Throws: `outputTooShort`, and nothing else; then nothing was taken and nothing written.
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

    /// As ``process(_:into:)-(Span,_)``, for memory that is not a span.
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
    ///   - count: what comes of `input`.
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

    /// Resamples a whole array into a new one: for tests, tools and anything off the media path.
    public mutating func resampled(_ input: [Int16]) -> [Int16] {
        let outputCount = outputCount(for: input.count)
        // One sample more, for an array of no capacity is a static one, whose count all threads would write.
        return [Int16](unsafeUninitializedCapacity: outputCount + 1) { buffer, count in
            input.withUnsafeBufferPointer { source in
                // Safety: the buffer has room for what is written, and none of it is read.
                convert(source, into: buffer, count: outputCount)
                count = outputCount
            }
        }
    }

    /// How many samples the next `process` of `inputCount` samples will write: exact. No signal is longer than 2⁵⁰
    /// samples, and a negative one is none.
    public func outputCount(for inputCount: Int) -> Int {
        filter.outputCount(for: inputCount)
    }

    public func maximumOutputCount(for inputCount: Int) -> Int {
        filter.maximumOutputCount(for: inputCount)
    }

    /// How many input samples later the signal leaves than it enters, by the filter alone: the same at every frequency.
    /// A fraction where the filter runs at a higher rate than the input.
    public var latencyInInputSamples: Double {
        filter.delay / Double(filter.up)
    }

    /// ``latencyInInputSamples`` in output samples.
    public var latencyInOutputSamples: Double {
        filter.delay / Double(filter.down)
    }

    /// Forgets the past: what comes next is resampled as by a new instance.
    public mutating func reset() {
        filter.reset()
    }

    /// Samples that ``flush(into:)`` will write: exact.
    public var flushCount: Int {
        isPassThrough ? 0 : outputCount(for: filter.flushInputCount)
    }

    public var maximumFlushCount: Int { flushCount }

    /// Writes what is still in the filter at the end of the signal, as if silence followed, and resets.
    /// - Parameter output: holds ``flushCount`` samples or more.
    /// - Returns: the samples written.
    /// - Throws: `outputTooShort`, and nothing else; then the filter is as it was.
    @discardableResult
    public mutating func flush(into output: inout MutableSpan<Int16>) throws(ResamplerError) -> Int {
        try checkRoom(output.count, for: flushCount)
        guard !isPassThrough else { return 0 }
        var written = 0
        output.withUnsafeMutableBufferPointer { target in
            guard let target = target.baseAddress else { return }
            // One sample at a time needs no buffer of silence; this happens once at the end of a stream.
            var silence: Int16 = 0
            for _ in 0..<filter.flushInputCount {
                let count = filter.outputCount(for: 1)
                // Safety: the counts of all steps add up to `flushCount`, which the target holds.
                filter.process(&silence, count: 1, into: target + written)
                written += count
            }
        }
        reset()
        return written
    }

    /// For logs: `resample 8000 -> 24000 Hz (telephone, 87 taps, 1.79 ms)`.
    public var description: String {
        if isPassThrough { return "pass \(inputRate) Hz" }
        let milliseconds = latency.hundredthsOfMilliseconds
        return
            "resample \(inputRate) -> \(outputRate) Hz (\(profile.rawValue), \(filter.tapCount) taps, \(milliseconds) ms)"
    }
}

extension Duration {
    /// Milliseconds with two digits behind the point.
    var hundredthsOfMilliseconds: String {
        let hundredths = Int((milliseconds * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}
