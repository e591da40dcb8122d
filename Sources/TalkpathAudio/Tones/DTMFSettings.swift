/// How long and how loud tones are.
///
/// The defaults are heard by every receiver of ITU-T Q.24, whose table gives five networks' limits; values outside what
/// all five accept are refused when a generator is made.
public struct DTMFSettings: Sendable, Hashable {
    /// How long a key sounds, edges included: 40 ms to 5 s.
    public var tone: Duration
    /// The silence after every key, the last one too: 40 ms to 5 s, and with the tone at least 120 ms.
    public var gap: Duration
    /// What `w` and `,` wait (`W` twice that): up to 5 s.
    public var pause: Duration
    /// The lower frequency's level in dBm0, a sine 3.17 dB below µ-law's full scale being 0 dBm0.
    public var level: Double
    /// How much louder the higher frequency is, in dB: lines damp it more. From −4 to 4, and both levels
    /// from −24 to −5 dBm0.
    public var twist: Double

    public init(
        tone: Duration = .milliseconds(100),
        gap: Duration = .milliseconds(100),
        pause: Duration = .milliseconds(500),
        level: Double = -9,
        twist: Double = 2
    ) {
        self.tone = tone
        self.gap = gap
        self.pause = pause
        self.level = level
        self.twist = twist
    }

    func check() throws(DTMFError) {
        let lengths = Duration.milliseconds(40)...Duration.seconds(5)
        guard lengths.contains(tone), lengths.contains(gap), tone + gap >= .milliseconds(120) else {
            throw .settingOutOfRange("tone and gap are 40 ms to 5 s each, and at least 120 ms together")
        }
        guard (.zero...Duration.seconds(5)).contains(pause) else {
            throw .settingOutOfRange("a pause is at most 5 s")
        }
        // Not a number is in no range.
        guard (-4...4).contains(twist), (-24...(-5)).contains(level), (-24...(-5)).contains(level + twist) else {
            throw .settingOutOfRange("both frequencies are −24 to −5 dBm0 and differ by at most 4 dB")
        }
    }

    /// The peak of a sine of this level, full scale being 32768.
    static func amplitude(_ level: Double) -> Double {
        // Full scale of µ-law is 8159 of its own steps, four of which make one of 16 bits.
        4 * 8159 * power(10, (level - 3.17) / 20)
    }
}
