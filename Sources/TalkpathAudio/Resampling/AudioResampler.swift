/// A streaming resampler of mono 16-bit samples. ``Resampler`` and ``LibsamplerateResampler`` are the two engines;
/// ``StreamResampler`` runs the one that a configuration names.
///
/// State carries over from one call to the next, and the output does not depend on how the caller cuts the input into
/// chunks. `process` allocates nothing. An instance is for one thread at a time.
public protocol AudioResampler: ~Copyable, Sendable {
    /// Samples per second.
    var inputRate: Int { get }
    /// Samples per second.
    var outputRate: Int { get }

    /// Input samples by which the output signal is later than the input signal.
    var latencyInInputSamples: Double { get }

    /// The most samples that one `process` of `inputCount` samples can write, after any input. Clamps `inputCount` to
    /// 0...2⁵⁰.
    func maximumOutputCount(for inputCount: Int) -> Int

    /// Resamples all of `input`. Allocates nothing.
    /// - Parameter output: ``maximumOutputCount(for:)`` samples are always enough.
    /// - Returns: the number of samples written to the front of `output`.
    /// - Throws: `outputTooShort` before it consumes or writes anything; `engineFailed`, after which only ``reset()``
    ///   makes the instance usable again.
    @discardableResult
    mutating func process(
        _ input: Span<Int16>,
        into output: inout MutableSpan<Int16>
    ) throws(ResamplerError) -> Int

    /// The most samples that ``flush(into:)`` can write.
    var maximumFlushCount: Int { get }

    /// Writes the samples that the filter still holds at the end of the signal, and resets.
    /// - Parameter output: ``maximumFlushCount`` samples are always enough.
    /// - Returns: the number of samples written.
    /// - Throws: the errors of ``process(_:into:)``.
    @discardableResult
    mutating func flush(into output: inout MutableSpan<Int16>) throws(ResamplerError) -> Int

    /// Clears all state: the next input is resampled as by a new instance.
    mutating func reset()

    /// A description for logs: `resample 8000 -> 24000 Hz (telephone, 87 taps, 1.79 ms)`.
    var description: String { get }
}

extension AudioResampler where Self: ~Copyable {
    /// The time by which the output signal is later than the input signal.
    public var latency: Duration {
        .nanoseconds(Int64((latencyInInputSamples * 1_000_000_000 / Double(inputRate)).rounded()))
    }

    /// Resamples a whole signal, its end included, into a new array. For tests and tools: it allocates.
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
    /// Clamps a count to 0...2⁵⁰ samples, so that the arithmetic cannot overflow even at a ratio of 256.
    static func counted(_ inputCount: Int) -> Int {
        min(max(0, inputCount), Int.max >> 13)
    }
}
