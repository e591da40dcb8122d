/// A resampler whose engine is selected at run time: one type for every ``ResamplerEngine``, without an existential.
///
/// If the caller needs no choice of engine, ``Resampler`` is better: its counts are exact.
public struct StreamResampler: AudioResampler, ~Copyable {
    public let engine: ResamplerEngine
    // Exactly one of the two is set. An enum would not do: its noncopyable payload cannot be changed in place.
    private var polyphase: Resampler?
    private var libsamplerate: LibsamplerateResampler?

    /// - Parameters:
    ///   - inputRate: input samples per second.
    ///   - outputRate: output samples per second.
    ///   - instructions: the form of the polyphase engine's kernels to run.
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

    public var inputRate: Int { read({ $0.inputRate }, { $0.inputRate }) }
    public var outputRate: Int { read({ $0.outputRate }, { $0.outputRate }) }

    public var latencyInInputSamples: Double {
        read({ $0.latencyInInputSamples }, { $0.latencyInInputSamples })
    }

    public func maximumOutputCount(for inputCount: Int) -> Int {
        read({ $0.maximumOutputCount(for: inputCount) }, { $0.maximumOutputCount(for: inputCount) })
    }

    @discardableResult
    public mutating func process(
        _ input: Span<Int16>,
        into output: inout MutableSpan<Int16>
    ) throws(ResamplerError) -> Int {
        if let written = try polyphase?.process(input, into: &output) { return written }
        return try libsamplerate?.process(input, into: &output) ?? 0
    }

    public var maximumFlushCount: Int { read({ $0.maximumFlushCount }, { $0.maximumFlushCount }) }

    @discardableResult
    public mutating func flush(into output: inout MutableSpan<Int16>) throws(ResamplerError) -> Int {
        if let written = try polyphase?.flush(into: &output) { return written }
        return try libsamplerate?.flush(into: &output) ?? 0
    }

    public mutating func reset() {
        polyphase?.reset()
        libsamplerate?.reset()
    }

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
