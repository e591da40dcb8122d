/// A resampler whose engine is selected when it is made: one type for every ``ResamplerEngine``, without an existential.
///
/// Whoever asks for no engine is better served by ``Resampler``, whose counts are exact and whose `process` cannot
/// fail.
public struct StreamResampler: ~Copyable, Sendable {
    public let engine: ResamplerEngine
    // One of both: an enum's noncopyable payload cannot be changed in place.
    private var polyphase: Resampler?
    private var libsamplerate: LibsamplerateResampler?

    /// - Parameters:
    ///   - from: input samples per second.
    ///   - to: output samples per second.
    ///   - instructions: for the polyphase engine's kernels.
    public init(
        from inputRate: Int,
        to outputRate: Int,
        engine: ResamplerEngine = .default,
        instructions: InstructionSet = .best
    ) throws(ResamplerError) {
        self.engine = engine
        switch engine {
        case .polyphase(let profile):
            polyphase = try Resampler(from: inputRate, to: outputRate, profile: profile, instructions: instructions)
            libsamplerate = nil
        case .libsamplerate(let converter):
            polyphase = nil
            libsamplerate = try LibsamplerateResampler(from: inputRate, to: outputRate, converter: converter)
        }
    }

    /// Resamples all of `input`. Allocates nothing.
    /// - Parameter output: must hold ``maximumOutputCount(for:)`` samples; a shorter one is a mistake of the caller and
    ///   traps.
    /// - Returns: the samples written to the front of `output`.
    @discardableResult
    public mutating func process(
        _ input: Span<Int16>,
        into output: inout MutableSpan<Int16>
    ) throws(ResamplerError) -> Int {
        if let written = polyphase?.process(input, into: &output) { return written }
        return try libsamplerate?.process(input, into: &output) ?? 0
    }

    /// The most samples that a `process` of `inputCount` samples can write, whatever came before.
    public func maximumOutputCount(for inputCount: Int) -> Int {
        read({ $0.maximumOutputCount(for: inputCount) }, { $0.maximumOutputCount(for: inputCount) })
    }

    /// How much later the signal leaves than it enters.
    public var latency: Duration { read({ $0.latency }, { $0.latency }) }

    /// ``latency`` in input samples.
    public var latencyInInputSamples: Double {
        read({ $0.latencyInInputSamples }, { $0.latencyInInputSamples })
    }

    /// Forgets the past: what comes next is resampled as by a new instance.
    public mutating func reset() {
        polyphase?.reset()
        libsamplerate?.reset()
    }

    /// The most samples that ``flush(into:)`` can write.
    public var maximumFlushCount: Int { read({ $0.flushCount }, { $0.maximumFlushCount }) }

    /// Writes what is still in the filter at the end of the signal, and resets.
    /// - Parameter output: must hold ``maximumFlushCount`` samples; a shorter one is a mistake of the caller and traps.
    /// - Returns: the samples written.
    @discardableResult
    public mutating func flush(into output: inout MutableSpan<Int16>) throws(ResamplerError) -> Int {
        if let written = polyphase?.flush(into: &output) { return written }
        return try libsamplerate?.flush(into: &output) ?? 0
    }

    /// Resamples a whole signal, end included, into a new array: for tests and tools.
    public mutating func resampledToEnd(_ input: [Int16]) throws(ResamplerError) -> [Int16] {
        var output = [Int16](repeating: 0, count: max(maximumOutputCount(for: input.count), maximumFlushCount))
        var target = output.mutableSpan
        let count = try process(input.span, into: &target)
        var rest = [Int16](repeating: 0, count: maximumFlushCount)
        target = rest.mutableSpan
        let restCount = try flush(into: &target)
        return Array(output.prefix(count)) + rest.prefix(restCount)
    }

    /// For logs: `resample 8000 -> 24000 Hz (telephone, 87 taps, 1.79 ms)`.
    public var description: String { read({ $0.description }, { $0.description }) }

    private borrowing func read<Value>(
        _ fromPolyphase: (borrowing Resampler) -> Value,
        _ fromLibsamplerate: (borrowing LibsamplerateResampler) -> Value
    ) -> Value {
        switch polyphase {
        case .some(let resampler):
            return fromPolyphase(resampler)
        case .none:
            switch libsamplerate {
            case .some(let resampler): return fromLibsamplerate(resampler)
            case .none: preconditionFailure("`init` made neither of both engines")
            }
        }
    }
}
