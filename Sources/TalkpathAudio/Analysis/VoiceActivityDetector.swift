/// A cheap voice activity detector on energy: a threshold that follows the line's noise, with hysteresis.
///
/// It detects sounds *louder than the line*, not speech as such: a dog, a horn or music starts it too. After some
/// seconds it takes a steady sound for noise. Local barge-in and idle timers need no more than that, at the cost of a
/// level measurement; the model decides whether the sound was speech.
///
/// Pass it frames of 20 ms. Allocates nothing.
public struct VoiceActivityDetector: Sendable {
    public enum Transition: Sendable, Hashable {
        /// Speech has lasted for the onset time, so it began that much earlier.
        case speechStarted
        /// Silence has lasted for the hangover time, so the speech ended that much earlier.
        case speechEnded
    }

    public struct Configuration: Sendable, Hashable {
        /// The time for which the level must exceed the threshold before speech counts as started; rounded up to whole
        /// frames.
        public var onset: Duration
        /// The time for which the level must stay below before speech counts as ended; rounded up to whole frames.
        public var hangover: Duration
        /// The level above the noise that a frame needs to begin speech, in dB.
        public var margin: Double
        /// The drop below that level that is allowed while speech lasts, in dB.
        public var hysteresis: Double
        /// The level below which nothing begins speech, however quiet the line, in dBFS.
        public var minimumLevel: Double

        public init(
            onset: Duration = .milliseconds(60),
            hangover: Duration = .milliseconds(500),
            margin: Double = 9,
            hysteresis: Double = 4,
            minimumLevel: Double = -42
        ) {
            self.onset = onset
            self.hangover = hangover
            self.margin = margin
            self.hysteresis = hysteresis
            self.minimumLevel = minimumLevel
        }
    }

    public let configuration: Configuration

    /// True between `.speechStarted` and `.speechEnded`.
    public private(set) var isSpeech = false

    /// True if the latest frame was above the threshold and is part of speech. Unlike ``isSpeech`` it turns false as
    /// soon as the sound ends.
    public private(set) var isLoud = false

    /// The latest frame's mean power without its constant (DC) part; linear, full scale is 1.
    package private(set) var framePower = 0.0

    // Powers are linear with full scale 1, so that a frame costs no logarithm.
    private var noisePower: Double
    private var loudFrames = 0
    private var quietFrames = 0
    private let onsetFrames: Int
    private let hangoverFrames: Int
    private let marginFactor: Double
    private let hysteresisFactor: Double
    private let minimumPower: Double
    private let quietRise: Double
    private let speechRise: Double

    /// Bounds of the noise estimate as linear powers: −70 and −20 dBFS.
    private static let noiseRange = (lowest: 1e-7, highest: 1e-2)
    private static let startingNoise = 1e-6

    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        noisePower = Self.startingNoise
        func frames(_ duration: Duration) -> Int {
            let frame = Int64(AudioFormat.frameMilliseconds) * 1_000_000
            return Int(max(1, (max(0, duration.wholeNanoseconds).addingSaturated(frame - 1)) / frame))
        }
        func factor(_ decibels: Double) -> Double { power(10, decibels / 10) }
        onsetFrames = frames(configuration.onset)
        hangoverFrames = frames(configuration.hangover)
        marginFactor = factor(configuration.margin)
        hysteresisFactor = factor(-configuration.hysteresis)
        minimumPower = factor(configuration.minimumLevel)
        // The estimate falls by half the difference each frame and rises slowly: by 6 dB a second in quiet, by 2 dB a
        // second during sound. So the pauses of speech always bring it down again, while a steady sound becomes noise
        // in the end.
        quietRise = factor(6.0 / 50)
        speechRise = factor(2.0 / 50)
    }

    /// The estimated level of the line's noise, in dBFS.
    public var noiseLevel: Double { decibels(power: noisePower) }

    /// The level above which a frame counts as speech now, in dBFS.
    public var threshold: Double { decibels(power: thresholdPower) }

    /// Processes the next frame of linear samples. Any sample rate will do, because only the frame's duration counts.
    public mutating func process(_ frame: Span<Int16>) -> Transition? {
        frame.withUnsafeBufferPointer { process(power: SampleStatistics($0).alternatingPower) }
    }

    /// Processes the next frame of µ-law bytes.
    public mutating func process(muLaw frame: RawSpan) -> Transition? {
        process(power: SampleStatistics(muLaw: frame).alternatingPower)
    }

    /// Clears all state, the noise estimate included.
    public mutating func reset() {
        self = VoiceActivityDetector(configuration: configuration)
    }

    private var thresholdPower: Double {
        let begin = max(noisePower * marginFactor, minimumPower)
        return isSpeech ? begin * hysteresisFactor : begin
    }

    private mutating func process(power: Double) -> Transition? {
        framePower = power
        let isAbove = power > thresholdPower
        adapt(to: power, isLoud: isAbove)
        let transition = isSpeech ? whileSpeaking(isAbove) : whileQuiet(isAbove)
        isLoud = isAbove && isSpeech
        return transition
    }

    private mutating func whileQuiet(_ isLoud: Bool) -> Transition? {
        // One weak frame between loud ones does not undo an onset, but clicks with pauses between them never start one.
        loudFrames = isLoud ? loudFrames + 1 : max(0, loudFrames - 1)
        guard loudFrames >= onsetFrames else { return nil }
        isSpeech = true
        quietFrames = 0
        return .speechStarted
    }

    private mutating func whileSpeaking(_ isLoud: Bool) -> Transition? {
        quietFrames = isLoud ? 0 : quietFrames + 1
        guard quietFrames >= hangoverFrames else { return nil }
        isSpeech = false
        loudFrames = 0
        return .speechEnded
    }

    private mutating func adapt(to power: Double, isLoud: Bool) {
        if power < noisePower {
            noisePower += (power - noisePower) / 2
        } else {
            noisePower = min(power, noisePower * (isSpeech || isLoud ? speechRise : quietRise))
        }
        noisePower = min(max(noisePower, Self.noiseRange.lowest), Self.noiseRange.highest)
    }
}
