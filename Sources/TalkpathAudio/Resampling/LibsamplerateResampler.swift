import CSampleRate

/// A streaming resampler between any two rates by libsamplerate: for rates that ``Resampler`` does not have, and to
/// compare with.
///
/// * No output comes before the filter has seen enough of the future: the first blocks come out short by
///   ``latencyInInputSamples``, and the last of the signal comes with ``flush(into:)``. In the end there are as many
///   outputs as the ratio of the rates says, give or take one.
/// * The output is the same however the input is cut into chunks.
/// * Full scale saturates, it never wraps.
/// * `process` allocates nothing. An instance is for one thread at a time.
public struct LibsamplerateResampler: AudioResampler, ~Copyable, @unchecked Sendable {
    // Unchecked: the pointers are owned by this noncopyable value alone and go wherever it goes.

    public let inputRate: Int
    public let outputRate: Int
    public let converter: LibsamplerateConverter

    /// Samples converted to floats, or back, in one go.
    private static let blockSamples = 480
    /// By how many outputs one call may exceed what its inputs are worth: the fraction of a sample carried over, and
    /// what a converter held back before.
    private static let outputSlack = 8
    /// Input samples that the filter may hold back beyond its latency: it counts its reach in whole samples, and moves
    /// on by whole samples.
    private static let heldBeyondLatency = 3.0

    private let state: OpaquePointer
    /// One sample of the past stands before it.
    private let input: UnsafeMutablePointer<Float>
    private let output: UnsafeMutablePointer<Float>
    private let ratio: Double
    /// Samples at the front of `input` that the library has not taken yet: its simpler converters leave the newest
    /// ones alone until more come.
    private var held = 0
    private var isAtStart = true

    /// - Parameters:
    ///   - from: input samples per second.
    ///   - to: output samples per second, at most 256 times more or fewer.
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
        // Safety: made in `init`, known to nobody else.
        _ = src_delete(state)
        (input - 1).deallocate()
        output.deallocate()
    }

    /// Resamples all of `input`. Allocates nothing.
    /// - Parameter output: holds ``maximumOutputCount(for:)`` samples or more.
    /// - Returns: the samples written to the front of `output`.
    /// - Throws: `outputTooShort`, and then nothing was taken and nothing written; `engineFailed`, and then the instance
    ///   is good for ``reset()`` only.
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
                // Safety: `count` samples were extracted, and the block holds that many behind those held.
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

    /// Input samples that must follow before the output of an instant can come.
    public var latencyInInputSamples: Double { converter.reach / min(1, ratio) }

    public var maximumFlushCount: Int {
        Int(((latencyInInputSamples + Self.heldBeyondLatency) * ratio).rounded(.up)) + Self.outputSlack
    }

    /// Writes what the filter held back at the end of the signal, and resets.
    /// - Parameter output: holds ``maximumFlushCount`` samples or more.
    /// - Returns: the samples written.
    /// - Throws: as ``process(_:into:)``; `outputTooShort` leaves what was held back where it is.
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

    /// Runs the samples held through libsamplerate until it takes none and gives none.
    private mutating func convert(
        isEnd: Bool,
        into target: inout MutableSpan<Int16>,
        from start: Int
    ) throws(ResamplerError) -> Int {
        var taken = 0
        var written = start
        // Given one sample or none, the linear converter of libsamplerate 0.2.2 reads the one before in our memory,
        // not in its own: so that one is kept there. Without input the simple converters have nothing to give at all.
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
                // Safety: at most `room` were made, which is what the target has from `written` on.
                Kernels.narrow(output, stride: 0, rowCount: 1, samples + written, count: made, with: .best)
            }
            taken += data.input_frames_used
            written += made
            if made < room && (data.input_frames_used == 0 || !isEnd && taken == held) { break }
        }
        // Safety: `taken` of the samples held are gone; the last of them and the rest move to the front.
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

    /// For logs: `resample 8000 -> 44100 Hz (libsamplerate-fastest, 2.41 ms)`.
    public var description: String {
        let name = ResamplerEngine.libsamplerate(converter).description
        return "resample \(inputRate) -> \(outputRate) Hz (\(name), \(latency.hundredthsOfMilliseconds) ms)"
    }
}

extension LibsamplerateConverter {
    /// The number it goes by in samplerate.h.
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

    /// Samples of the lower rate that the filter reaches to each side: length ÷ increment of the tables in
    /// libsamplerate 0.2.2; a test measures it.
    fileprivate var reach: Double {
        switch self {
        case .best: 340_239.0 / 2381
        case .medium: 22_438.0 / 491
        case .fastest: 2464.0 / 128
        case .hold, .linear: 1
        }
    }
}
