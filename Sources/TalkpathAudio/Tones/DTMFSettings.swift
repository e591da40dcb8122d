/// The length and loudness of tones.
///
/// Every receiver that follows ITU-T Q.24, whose table gives the limits of five networks, detects tones with the
/// default settings. A ``DTMFGenerator`` refuses values that not all five networks accept.
public struct DTMFSettings: Sendable, Hashable {
    /// The length of a key's tone, edges included: 40 ms to 5 s.
    public var tone: Duration
    /// The silence after every key, the last one included: 40 ms to 5 s, and at least 120 ms together with the tone.
    public var gap: Duration
    /// The length of the pause for `w` and `,` (`W` waits twice as long): 0 to 5 s.
    public var pause: Duration
    /// The lower frequency's level in dBm0. A sine 3.17 dB below µ-law's full scale has 0 dBm0.
    public var level: Double
    /// The level of the higher frequency above the lower one, in dB, because lines damp it more. From −4 to 4; both
    /// levels must lie in −24...−5 dBm0.
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
        // NaN lies in no range, so it is refused too.
        guard (-4...4).contains(twist), (-24...(-5)).contains(level), (-24...(-5)).contains(level + twist) else {
            throw .settingOutOfRange("both frequencies are −24 to −5 dBm0 and differ by at most 4 dB")
        }
    }

    /// The peak amplitude of a sine of this level; full scale is 32768.
    static func amplitude(_ level: Double) -> Double {
        // Full scale of µ-law is 8159 of its own steps; one such step is four 16-bit steps.
        4 * 8159 * power(10, (level - 3.17) / 20)
    }
}
