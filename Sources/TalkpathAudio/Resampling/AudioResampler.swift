/// What a resampler does, whoever computes it: ``Resampler``, ``LibsamplerateResampler``, and ``StreamResampler``, which is
/// the one of both that a configuration names.
///
/// Mono, 16-bit samples, as a stream: state is kept from one call to the next, and the output is the same however the
/// input is cut. `process` allocates nothing. An instance is for one thread at a time.
public protocol AudioResampler: ~Copyable, Sendable {
    /// Samples per second.
    var inputRate: Int { get }
    /// Samples per second.
    var outputRate: Int { get }

    /// How many input samples later the signal leaves than it enters.
    var latencyInInputSamples: Double { get }

    /// The most samples that a `process` of `inputCount` samples can write, whatever came before. A negative count is
    /// none, and one beyond 2⁵⁰ counts as that.
    func maximumOutputCount(for inputCount: Int) -> Int

    /// Resamples all of `input`. Allocates nothing.
    /// - Parameter output: ``maximumOutputCount(for:)`` samples are always enough.
    /// - Returns: the samples written to the front of `output`.
    /// - Throws: `outputTooShort`, and then nothing was taken and nothing written; `engineFailed`, and then the instance
    ///   is good for ``reset()`` only.
    @discardableResult
    mutating func process(
        _ input: Span<Int16>,
        into output: inout MutableSpan<Int16>
    ) throws(ResamplerError) -> Int

    /// The most samples that ``flush(into:)`` can write.
    var maximumFlushCount: Int { get }

    /// Writes what is still in the filter at the end of the signal, and resets.
    /// - Parameter output: ``maximumFlushCount`` samples are always enough.
    /// - Returns: the samples written.
    /// - Throws: as ``process(_:into:)``.
    @discardableResult
    mutating func flush(into output: inout MutableSpan<Int16>) throws(ResamplerError) -> Int

    /// Forgets the past: what comes next is resampled as by a new instance.
    mutating func reset()

    /// For logs: `resample 8000 -> 24000 Hz (telephone, 87 taps, 1.79 ms)`.
    var description: String { get }
}

extension AudioResampler where Self: ~Copyable {
    /// How much later the signal leaves than it enters.
    public var latency: Duration {
        .nanoseconds(Int64((latencyInInputSamples * 1_000_000_000 / Double(inputRate)).rounded()))
    }

    /// Resamples a whole signal, end included, into a new array: for tests and tools.
    public mutating func resampledToEnd(_ input: [Int16]) throws(ResamplerError) -> [Int16] {
        var output = [Int16](repeating: 0, count: maximumOutputCount(for: input.count))
        var target = output.mutableSpan
        let count = try process(input.span, into: &target)
        var rest = [Int16](repeating: 0, count: maximumFlushCount)
        target = rest.mutableSpan
        let restCount = try flush(into: &target)
        return Array(output.prefix(count)) + rest.prefix(restCount)
    }

    func checkRoom(_ room: Int, for needed: Int) throws(ResamplerError) {
        guard room >= needed else {
            throw ResamplerError(
                inputRate: inputRate,
                outputRate: outputRate,
                reason: .outputTooShort(samples: room, needed: needed)
            )
        }
    }
}

enum ResamplerLimits {
    /// Keeps counts that nobody has memory for from overflowing the arithmetic, at ratios up to 256 too.
    static func counted(_ inputCount: Int) -> Int {
        min(max(0, inputCount), Int.max >> 13)
    }
}
