import TalkpathAudio

/// The clock of a model that advances only by the audio that it is sent.
///
/// Compares the sent audio with the passed time. Missing audio must be sent as silence, at once. Surplus audio would
/// reach the model late for the rest of the call, so silence is left out until the surplus is gone.
///
/// Pure arithmetic on instants that the caller passes in.
struct InputClock {
    /// The instant from which the audio counts, and the bytes sent since.
    private var start: MonotonicInstant
    private var bytes: Int64 = 0
    private var lastSent: MonotonicInstant
    /// True from a fill until the line gives audio again. In a gap of the line the model gets silence at every tick, so
    /// that its clock, and with it its voice, runs evenly.
    private var isFilling = false
    private let rate: Int64

    /// A hole of this length is filled. The next tick comes 20 ms later, so that no hole reaches 100 ms.
    private static let longestHole = Duration.milliseconds(60)
    /// The most silence to send at once. A longer stall restarts the count.
    private static let longestFill = Duration.seconds(1)
    /// Jitter of the line that needs no correction, in milliseconds.
    static let tolerance: Int64 = 60

    init(bytesPerMillisecond: Int, at now: MonotonicInstant) {
        rate = Int64(max(1, bytesPerMillisecond))
        start = now
        lastSent = now
    }

    mutating func sent(_ count: Int, at now: MonotonicInstant) {
        bytes += Int64(count)
        lastSent = now
        isFilling = false
    }

    /// The latest audio was silence for a gap of the line.
    mutating func filled() { isFilling = true }

    /// The bytes sent beyond the time passed; negative if some are missing.
    func surplus(at now: MonotonicInstant) -> Int64 {
        bytes - max(0, (now - start).wholeNanoseconds) / 1_000_000 * rate
    }

    /// True if silence must be left out, because the model hears the caller too late.
    func isAhead(at now: MonotonicInstant) -> Bool {
        surplus(at: now) > Self.tolerance * rate && now - lastSent < Self.longestHole
    }

    /// The bytes of silence to send now.
    mutating func missing(at now: MonotonicInstant) -> Int {
        let hole = now - lastSent
        if hole > Self.longestFill {
            start = now - Self.longestFill
            bytes = 0
        }
        let deficit = max(0, -surplus(at: now))
        if isFilling, deficit >= Int64(AudioFormat.frameMilliseconds) * rate { return Int(deficit) }
        if deficit >= Self.tolerance * rate { return Int(deficit) }
        guard hole >= Self.longestHole else { return 0 }
        // The model was sent enough, and still needs a sign that time passes.
        return Int(max(deficit, Int64(AudioFormat.frameMilliseconds) * rate))
    }
}
