import CSampleRate

/// A streaming resampler between any two rates, computed by libsamplerate. It serves rates that ``Resampler`` lacks,
/// and tests compare ``Resampler`` with it.
///
/// * The filter gives no output before it has seen enough later input. The first blocks come out short by
///   ``latencyInInputSamples``, and ``flush(into:)`` gives the end of the signal. In total there are as many outputs as
///   the ratio of the rates says, give or take one.
/// * The output does not depend on how the caller cuts the input into chunks.
/// * Values beyond full scale saturate; they never wrap.
/// * `process` allocates nothing. An instance is for one thread at a time.
public struct LibsamplerateResampler: AudioResampler, ~Copyable, @unchecked Sendable {
    // Unchecked: this noncopyable value alone owns the pointers, and they move with it.

    public let inputRate: Int
    public let outputRate: Int
    public let converter: LibsamplerateConverter

    /// Samples that one pass converts to floats and back.
    private static let blockSamples = 480
    /// Outputs by which one call may exceed its inputs × ratio: the fraction of a sample carried over, and outputs that
    /// a converter held back earlier.
    private static let outputSlack = 8
    /// Input samples that the filter may hold back beyond its latency, because it counts its reach and its progress in
    /// whole samples.
    private static let heldBeyondLatency = 3.0

    private let state: OpaquePointer
    /// The block of input. One earlier sample stands in memory before it, at index −1.
    private let input: UnsafeMutablePointer<Float>
    private let output: UnsafeMutablePointer<Float>
    private let ratio: Double
    /// Samples at the front of `input` that libsamplerate has not consumed: its simple converters leave the newest
    /// samples until more arrive.
    private var held = 0
    private var isAtStart = true

    /// - Parameters:
    ///   - inputRate: input samples per second.
    ///   - outputRate: output samples per second, at most 256 times more or fewer.
    public init(
        from inputRate: Int,
        to outputRate: Int,
        converter: LibsamplerateConverter = .medium
    ) throws(ResamplerError) {
        guard inputRate > 0, outputRate > 0, src_is_valid_ratio(Double(outputRate) / Double(inputRate)) != 0 else {
            throw ResamplerError(inputRate: inputRate, outputRate: outputRate, reason: .ratioOutOfRange)
        }
        var code: Int32 = 0
        guard let state = src_new(converter.number, 1, &code) else {
            let reason = ResamplerError.Reason.engineFailed(Self.message(code))
            throw ResamplerError(inputRate: inputRate, outputRate: outputRate, reason: reason)
        }
        self.inputRate = inputRate
        self.outputRate = outputRate
        self.converter = converter
        self.state = state
        ratio = Double(outputRate) / Double(inputRate)
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: 1 + Self.blockSamples)
        output = .allocate(capacity: Self.blockSamples)
        memory.initialize(repeating: 0, count: 1 + Self.blockSamples)
        input = memory + 1
        output.initialize(repeating: 0, count: Self.blockSamples)
    }

    deinit {
        // Safety: allocated in `init`; no other code holds these pointers.
        _ = src_delete(state)
        (input - 1).deallocate()
        output.deallocate()
    }

    /// Resamples all of `input`. Allocates nothing.
    /// - Parameter output: ``maximumOutputCount(for:)`` samples or more.
    /// - Returns: the number of samples written to the front of `output`.
    /// - Throws: `outputTooShort` before it consumes or writes anything; `engineFailed`, after which only ``reset()``
    ///   makes the instance usable again.
    @discardableResult
    public mutating func process(
        _ input: Span<Int16>,
        into output: inout MutableSpan<Int16>
    ) throws(ResamplerError) -> Int {
        try checkRoom(output.count, for: maximumOutputCount(for: input.count))
        var written = 0
        var first = 0
        while first < input.count {
            let count = min(input.count - first, Self.blockSamples - held)
            let target = self.input + held
            input.extracting(first..<first + count).withUnsafeBufferPointer { samples in
                // Safety: `count` samples were extracted, and the block has room for them behind the held ones.
                Kernels.widen(samples.baseAddress!, target, stride: 0, rowCount: 1, count: count, with: .best)
            }
            held += count
            if isAtStart {
                isAtStart = false
                self.input[-1] = self.input[0]
            }
            written += try convert(isEnd: false, into: &output, from: written)
            guard held < Self.blockSamples else { throw failure("it takes no more input") }
            first += count
        }
        return written
    }

    public func maximumOutputCount(for inputCount: Int) -> Int {
        Int((Double(ResamplerLimits.counted(inputCount)) * ratio).rounded(.up)) + Self.outputSlack
    }

    /// Input samples that must follow an instant before its output can be computed.
    public var latencyInInputSamples: Double { converter.reach / min(1, ratio) }

    public var maximumFlushCount: Int {
        Int(((latencyInInputSamples + Self.heldBeyondLatency) * ratio).rounded(.up)) + Self.outputSlack
    }

    /// Writes the samples that the filter held back at the end of the signal, and resets.
    /// - Parameter output: ``maximumFlushCount`` samples or more.
    /// - Returns: the number of samples written.
    /// - Throws: the errors of ``process(_:into:)``; after `outputTooShort` the held samples are still there.
    @discardableResult
    public mutating func flush(into output: inout MutableSpan<Int16>) throws(ResamplerError) -> Int {
        try checkRoom(output.count, for: maximumFlushCount)
        let written = try convert(isEnd: true, into: &output, from: 0)
        reset()
        return written
    }

    public mutating func reset() {
        _ = src_reset(state)
        held = 0
        isAtStart = true
    }

    /// Runs the held samples through libsamplerate until it consumes no input and gives no output.
    private mutating func convert(
        isEnd: Bool,
        into target: inout MutableSpan<Int16>,
        from start: Int
    ) throws(ResamplerError) -> Int {
        var taken = 0
        var written = start
        // Given at most one sample, the linear converter of libsamplerate 0.2.2 reads the sample before it from the
        // caller's memory, not from its own state; so this class keeps that sample there. The simple converters give
        // nothing without input, so the loop ends for them when the input does.
        while taken < held || converter.isBandLimited {
            let room = min(Self.blockSamples, target.count - written)
            guard room > 0 else { break }
            var data = SRC_DATA()
            data.data_in = UnsafePointer(input + taken)
            data.input_frames = held - taken
            data.data_out = output
            data.output_frames = room
            data.src_ratio = ratio
            data.end_of_input = isEnd ? 1 : 0
            let code = src_process(state, &data)
            guard code == 0 else {
                throw failure(Self.message(code))
            }
            let made = data.output_frames_gen
            target.withUnsafeMutableBufferPointer { samples in
                guard made > 0, let samples = samples.baseAddress else { return }
                // Safety: at most `room` samples were made, and the target has that much room from `written` on.
                Kernels.narrow(output, stride: 0, rowCount: 1, samples + written, count: made, with: .best)
            }
            taken += data.input_frames_used
            written += made
            if made < room && (data.input_frames_used == 0 || !isEnd && taken == held) { break }
        }
        // Safety: libsamplerate consumed `taken` of the held samples; the last of those and all unconsumed ones move to
        // the front.
        (input - 1).update(from: input + taken - 1, count: held - taken + 1)
        held -= taken
        return written - start
    }

    private func failure(_ message: String) -> ResamplerError {
        ResamplerError(inputRate: inputRate, outputRate: outputRate, reason: .engineFailed(message))
    }

    private static func message(_ code: Int32) -> String {
        src_strerror(code).map { String(cString: $0) } ?? "error \(code)"
    }

    /// A description for logs: `resample 8000 -> 44100 Hz (libsamplerate-fastest, 2.41 ms)`.
    public var description: String {
        let name = ResamplerEngine.libsamplerate(converter).description
        return "resample \(inputRate) -> \(outputRate) Hz (\(name), \(latency.hundredthsOfMilliseconds) ms)"
    }
}

extension LibsamplerateConverter {
    /// The converter's number in samplerate.h.
    fileprivate var number: Int32 {
        switch self {
        case .best: 0
        case .medium: 1
        case .fastest: 2
        case .hold: 3
        case .linear: 4
        }
    }

    fileprivate var isBandLimited: Bool {
        switch self {
        case .best, .medium, .fastest: true
        case .hold, .linear: false
        }
    }

    /// The filter's reach to each side, in samples of the lower rate: length ÷ increment of the tables in libsamplerate
    /// 0.2.2. A test measures it.
    fileprivate var reach: Double {
        switch self {
        case .best: 340_239.0 / 2381
        case .medium: 22_438.0 / 491
        case .fastest: 2464.0 / 128
        case .hold, .linear: 1
        }
    }
}
