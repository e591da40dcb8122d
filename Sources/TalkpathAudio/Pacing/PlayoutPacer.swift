/// Computes how much audio may be sent now so that the far end holds at most `lead` of unplayed audio.
///
/// Pure arithmetic on instants that the caller passes in. All deadlines are absolute: they are computed from the
/// instant at which the current run of audio began and the bytes sent since, never from the last tick. So a late tick
/// catches up by itself, and rounding errors do not add up over a long call.
///
/// The model of the far end: it plays without a pause from the first byte that it gets while idle. When it has played
/// everything sent, the run is over, and the next send begins a new run at its own instant.
public struct PlayoutPacer: Sendable {
    /// The playing time by which the sender may run ahead of the far end's playback.
    public let lead: Duration
    public let bytesPerMillisecond: Int

    private let leadNanoseconds: Int64
    /// The instant at which the current run began, and the bytes sent since; `nil` before the first send and after a
    /// flush.
    private var run: (start: MonotonicInstant, bytes: Int64)?

    /// - Parameters:
    ///   - lead: the time to send ahead of playback; negative counts as zero.
    ///   - bytesPerMillisecond: 8 for G.711 at 8 kHz; values below 1 count as 1.
    public init(lead: Duration = .milliseconds(200), bytesPerMillisecond: Int = 8) {
        self.lead = max(.zero, lead)
        self.bytesPerMillisecond = max(1, bytesPerMillisecond)
        self.leadNanoseconds = self.lead.wholeNanoseconds
    }

    /// The instant at which the far end will have played everything sent; `nil` if nothing was sent or all was flushed.
    public var playoutEnd: MonotonicInstant? {
        guard let run else { return nil }
        return run.start + duration(of: run.bytes)
    }

    /// The playing time of the audio that the far end has not played. Zero when it is idle.
    public func ahead(at now: MonotonicInstant) -> Duration {
        guard let playoutEnd, playoutEnd > now else { return .zero }
        return playoutEnd - now
    }

    /// True when nothing plays at the far end: everything sent has been played, or nothing was sent.
    public func isIdle(at now: MonotonicInstant) -> Bool {
        guard let playoutEnd else { return true }
        return playoutEnd <= now
    }

    /// The number of bytes that may be sent now so that the far end is at most ``lead`` ahead of real time.
    public func bytesDue(at now: MonotonicInstant) -> Int {
        guard let run, !isIdle(at: now) else { return Int(bytes(in: leadNanoseconds)) }
        let horizon = now.nanoseconds.subtractingSaturated(run.start.nanoseconds).addingSaturated(leadNanoseconds)
        return Int(max(0, bytes(in: horizon) - run.bytes))
    }

    /// The first instant at which `count` bytes will be due; `now` if they already are. More bytes than ``lead`` holds
    /// are due at the latest when the far end has run idle.
    public func instant(whenDue count: Int, at now: MonotonicInstant) -> MonotonicInstant {
        guard let run, let playoutEnd, playoutEnd > now else { return now }
        let filled = run.start + duration(of: run.bytes.addingSaturated(Int64(count)))
        return min(max(now, filled - lead), playoutEnd)
    }

    /// Records that `count` bytes were sent at `now`.
    public mutating func sent(_ count: Int, at now: MonotonicInstant) {
        guard count > 0 else { return }
        if let current = run, !isIdle(at: now) {
            run = (current.start, current.bytes.addingSaturated(Int64(count)))
        } else {
            run = (now, Int64(count))
        }
    }

    /// Records that at `now` the far end dropped its unplayed audio. The next send begins a new run.
    /// - Returns: the playing time of the dropped audio.
    @discardableResult
    public mutating func flush(at now: MonotonicInstant) -> Duration {
        let dropped = ahead(at: now)
        run = nil
        return dropped
    }

    /// Rounds up, so that the end is never reported too early.
    private func duration(of bytes: Int64) -> Duration {
        let rate = Int64(bytesPerMillisecond)
        let (whole, rest) = bytes.quotientAndRemainder(dividingBy: rate)
        let (nanoseconds, overflow) = whole.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return .nanoseconds(Int64.max) }
        return .nanoseconds(nanoseconds.addingSaturated((rest * 1_000_000 + rate - 1) / rate))
    }

    /// Rounds down, so that the lead is never exceeded. Splits the product, so that it cannot overflow.
    private func bytes(in nanoseconds: Int64) -> Int64 {
        let rate = Int64(bytesPerMillisecond)
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        let (bytes, overflow) = whole.multipliedReportingOverflow(by: rate)
        guard !overflow else { return nanoseconds < 0 ? 0 : Int64.max }
        return bytes.addingSaturated(rest * rate / 1_000_000)
    }
}
