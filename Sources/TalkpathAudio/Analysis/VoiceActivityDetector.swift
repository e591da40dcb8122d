/// A cheap voice activity detector on energy: a threshold that rides on the line's own noise, with hysteresis.
///
/// It hears *something louder than the line*, not speech as such: a dog, a horn or music starts it too, and a steady
/// sound becomes noise to it after some seconds. That is what local barge-in and idle timers need, at the price of
/// a level measurement; whether it was speech is the model's business.
///
/// Feed it frames of 20 ms. Allocates nothing.
public struct VoiceActivityDetector: Sendable {
    public enum Transition: Sendable, Hashable {
        /// Speech has lasted for the onset time; it began that much earlier.
        case speechStarted
        /// Nothing was heard for the hangover time; it ended that much earlier.
        case speechEnded
    }

    public struct Configuration: Sendable, Hashable {
        /// How long the level must be above the threshold before speech is believed; rounded up to whole frames.
        public var onset: Duration
        /// How long it must be below before the end is believed; rounded up to whole frames.
        public var hangover: Duration
        /// How far above the noise a frame must be to begin speech, in dB.
        public var margin: Double
        /// How much lower than that it may fall while speech goes on, in dB.
        public var hysteresis: Double
        /// What is below this is never speech, however quiet the line, in dBFS.
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

    /// The latest frame was above the threshold, and is part of speech: unlike ``isSpeech`` this ends with the sound.
    public private(set) var isLoud = false

    /// The mean power of the latest frame without its constant part; linear, full scale being 1.
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

    /// Bounds of the noise estimate: a line is never taken to be quieter or louder than this, in dBFS.
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
        // The estimate falls at once and rises slowly: 6 dB a second in quiet; 2 dB while something is heard, so that
        // the pauses of speech always bring it down again but a steady sound is taken for noise in the end.
        quietRise = factor(6.0 / 50)
        speechRise = factor(2.0 / 50)
    }

    /// The level taken for the line's noise, in dBFS.
    public var noiseLevel: Double { decibels(power: noisePower) }

    /// The level above which a frame counts as speech now, in dBFS.
    public var threshold: Double { decibels(power: thresholdPower) }

    /// Takes the next frame of linear samples at 8 kHz (any rate will do: only the frame's length counts).
    public mutating func process(_ frame: Span<Int16>) -> Transition? {
        frame.withUnsafeBufferPointer { process(power: SampleStatistics($0).alternatingPower) }
    }

    /// Takes the next frame as µ-law bytes.
    public mutating func process(muLaw frame: RawSpan) -> Transition? {
        process(power: SampleStatistics(muLaw: frame).alternatingPower)
    }

    /// Forgets what was heard, the noise included.
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
        // One weak frame between loud ones does not undo an onset, but clicks with pauses between never make one.
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
