/// Makes the tones of a keypad (ITU-T Q.23), chunk by chunk, at any sample rate.
///
/// * Keys begin at exact multiples of tone and gap at any rate: rounding errors do not add up.
/// * The samples are the same bit for bit however the caller divides them among writes.
/// * The edges are smooth (a raised cosine of 4 ms inside the tone's length), so that keys do not click.
/// * `write` allocates nothing. An instance is for one thread at a time.
///
/// ```swift
/// var tones = try DTMFGenerator(DTMFSequence("1234#"), sampleRate: 8000)
/// while !tones.isFinished {
///     let count = tones.write(into: &frame)
///     send(frame.extracting(0..<count))
/// }
/// ```
public struct DTMFGenerator: Sendable {
    /// Samples per second.
    public let sampleRate: Int
    public let settings: DTMFSettings
    /// Samples of the whole sequence, including the gap after the last key.
    public let sampleCount: Int

    /// Samples written so far.
    public private(set) var position = 0

    private let steps: [DTMFSequence.Step]
    private let rampCount: Int
    private let lowAmplitude: Double
    private let highAmplitude: Double

    private var step = 0
    /// The current step, in nanoseconds and in samples from the sequence start: its start, the end of its tone (keys
    /// only) and its end.
    private var beginNanoseconds: Int64 = 0
    private var begin = 0
    private var toneEnd = 0
    private var end = 0
    private var low = Oscillator()
    private var high = Oscillator()

    /// - Throws: ``DTMFError`` if the rate is outside 4000...192000 Hz, or a setting is out of its range.
    public init(
        _ sequence: DTMFSequence,
        sampleRate: Int = 8000,
        settings: DTMFSettings = DTMFSettings()
    ) throws(DTMFError) {
        guard (4000...192_000).contains(sampleRate) else { throw .unsupportedRate(sampleRate) }
        try settings.check()
        self.sampleRate = sampleRate
        self.settings = settings
        steps = sequence.steps
        rampCount = sampleRate / 250
        lowAmplitude = DTMFSettings.amplitude(settings.level)
        highAmplitude = DTMFSettings.amplitude(settings.level + settings.twist)
        let nanoseconds = sequence.steps.reduce(0) { $0 + Self.nanoseconds(of: $1, settings) }
        sampleCount = Self.samples(nanoseconds, sampleRate)
        prepare()
    }

    /// True when no samples are left to write.
    public var isFinished: Bool { position == sampleCount }

    /// Writes the next samples, until `target` is full or the sequence ends. Allocates nothing.
    /// - Returns: the number of samples written to the front of `target`; the rest of it keeps its content.
    public mutating func write(into target: inout MutableSpan<Int16>) -> Int {
        target.withUnsafeMutableBufferPointer { write(into: $0) }
    }

    /// Writes into memory that is not a span; otherwise equal to `write(into:)` with a span.
    public mutating func write(into target: UnsafeMutableBufferPointer<Int16>) -> Int {
        var written = 0
        while written < target.count, step < steps.count {
            // Safety: both branches write at most as much as they are given, which is the rest of the target.
            let rest = UnsafeMutableBufferPointer(rebasing: target[written...])
            let count = position < toneEnd ? writeTone(into: rest) : writeSilence(into: rest)
            position += count
            written += count
            while step < steps.count, position == end { advance() }
        }
        return written
    }

    private mutating func writeTone(into target: UnsafeMutableBufferPointer<Int16>) -> Int {
        let count = min(target.count, toneEnd - position)
        for index in 0..<count {
            // Both amplitudes together stay below full scale at every accepted level.
            let value = lowAmplitude * low.next() + highAmplitude * high.next()
            target[index] = Int16((value * envelope(at: position + index)).rounded())
        }
        return count
    }

    private func writeSilence(into target: UnsafeMutableBufferPointer<Int16>) -> Int {
        let count = min(target.count, end - position)
        UnsafeMutableBufferPointer(rebasing: target[..<count]).update(repeating: 0)
        return count
    }

    /// The tone's gain: 0 at its edges, rising to 1 within the ramp.
    private func envelope(at position: Int) -> Double {
        let distance = min(position - begin, toneEnd - 1 - position)
        guard distance < rampCount else { return 1 }
        return 0.5 - 0.5 * cosine(.pi * (Double(distance) + 0.5) / Double(rampCount))
    }

    private mutating func advance() {
        beginNanoseconds += Self.nanoseconds(of: steps[step], settings)
        step += 1
        if step < steps.count { prepare() }
    }

    private mutating func prepare() {
        let nanoseconds = Self.nanoseconds(of: steps[step], settings)
        begin = Self.samples(beginNanoseconds, sampleRate)
        end = Self.samples(beginNanoseconds + nanoseconds, sampleRate)
        toneEnd = begin
        guard let frequencies = steps[step].frequencies else { return }
        toneEnd = Self.samples(beginNanoseconds + settings.tone.wholeNanoseconds, sampleRate)
        low = Oscillator(frequencies.low, sampleRate)
        high = Oscillator(frequencies.high, sampleRate)
    }

    private static func nanoseconds(of step: DTMFSequence.Step, _ settings: DTMFSettings) -> Int64 {
        switch step {
        case .pause: settings.pause.wholeNanoseconds
        case .longPause: 2 * settings.pause.wholeNanoseconds
        case .zero, .one, .two, .three, .four, .five, .six, .seven, .eight, .nine, .star, .pound, .a, .b, .c, .d:
            settings.tone.wholeNanoseconds + settings.gap.wholeNanoseconds
        }
    }

    /// The sample at an instant. 256 steps of at most 10 s at 192 kHz stay far below 64 bits.
    private static func samples(_ nanoseconds: Int64, _ sampleRate: Int) -> Int {
        Int(nanoseconds * Int64(sampleRate) / 1_000_000_000)
    }
}

/// A sine computed by rotating a pointer. After the longest tone (5 s at 192 kHz) its error is below 1e-9.
private struct Oscillator: Sendable {
    private var real = 1.0
    private var imaginary = 0.0
    private let turnReal: Double
    private let turnImaginary: Double

    init() {
        turnReal = 1
        turnImaginary = 0
    }

    init(_ frequency: Double, _ sampleRate: Int) {
        let angle = 2 * .pi * frequency / Double(sampleRate)
        turnReal = cosine(angle)
        turnImaginary = sine(angle)
    }

    /// Returns the sine at the current instant and moves on by one sample.
    mutating func next() -> Double {
        let value = imaginary
        let oldReal = real
        real = oldReal * turnReal - value * turnImaginary
        imaginary = oldReal * turnImaginary + value * turnReal
        return value
    }
}
