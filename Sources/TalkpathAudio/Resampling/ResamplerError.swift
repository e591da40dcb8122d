/// The reason why a resampler cannot be made, or cannot continue.
public struct ResamplerError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: Sendable, Hashable {
        /// The polyphase engine has no filter for this pair of rates.
        case unsupportedPair
        /// A rate that is not positive, or two rates more than a factor of 256 apart, which is libsamplerate's limit.
        case ratioOutOfRange
        /// A rate outside 1000...384000 Hz, which a call's audio may have.
        case rateOutOfRange
        /// The output has room for fewer samples than may be written; nothing was consumed or written.
        case outputTooShort(samples: Int, needed: Int)
        /// libsamplerate refused; the text is its own. It lacks memory, or its state is broken.
        case engineFailed(String)
    }

    /// The rates asked for, in samples per second.
    public var inputRate: Int
    public var outputRate: Int
    public var reason: Reason

    public init(inputRate: Int, outputRate: Int, reason: Reason = .unsupportedPair) {
        self.inputRate = inputRate
        self.outputRate = outputRate
        self.reason = reason
    }

    public var description: String {
        let what = "cannot resample from \(inputRate) to \(outputRate) Hz: "
        return switch reason {
        case .unsupportedPair:
            what
                + """
                the polyphase engine takes two of the rates 8000, 16000, 24000 and 48000 (or the same rate twice); \
                libsamplerate takes any
                """
        case .ratioOutOfRange:
            what + "both rates must be positive and at most a factor of 256 apart"
        case .rateOutOfRange:
            what + "a call's audio has 1000 to 384000 samples per second"
        case .outputTooShort(let samples, let needed):
            what + "the output holds \(samples) samples where \(needed) are needed: ask for the count first"
        case .engineFailed(let message):
            what + "libsamplerate failed: \(message)"
        }
    }
}
