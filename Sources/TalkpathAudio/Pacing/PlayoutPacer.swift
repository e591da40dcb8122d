/// Says how much audio may be sent now so that the far end holds at most `lead` of audio it has not yet played.
///
/// Pure arithmetic on instants that are passed in. All deadlines are absolute: they are computed from the instant at
/// which the current run of audio began and the bytes sent since, never from the last tick, so a late tick catches up
/// by itself and rounding does not add up, however long the call.
///
/// The far end is taken to play without a pause from the first byte it gets while idle. When all that was sent has
/// been played, the run is over and the next send begins a new one at its own instant.
public struct PlayoutPacer: Sendable {
    /// How far ahead of real time the far end may be filled.
    public let lead: Duration
    public let bytesPerMillisecond: Int

    private let leadNanoseconds: Int64
    /// When the current run began, and what was sent since; `nil` before the first send and after a flush.
    private var run: (start: MonotonicInstant, bytes: Int64)?

    /// - Parameters:
    ///   - lead: how far ahead of real time to send; negative counts as zero.
    ///   - bytesPerMillisecond: 8 for G.711 at 8 kHz; values below 1 count as 1.
    public init(lead: Duration = .milliseconds(200), bytesPerMillisecond: Int = 8) {
        self.lead = max(.zero, lead)
        self.bytesPerMillisecond = max(1, bytesPerMillisecond)
        self.leadNanoseconds = self.lead.wholeNanoseconds
    }

    /// When all that was sent will have been played; `nil` if nothing was sent, or all of it was flushed.
    public var playoutEnd: MonotonicInstant? {
        guard let run else { return nil }
        return run.start + duration(of: run.bytes)
    }

    /// How much the far end still has to play. Zero when it is idle.
    public func ahead(at now: MonotonicInstant) -> Duration {
        guard let playoutEnd, playoutEnd > now else { return .zero }
        return playoutEnd - now
    }

    /// True when nothing is playing at the far end: all that was sent has been played, or nothing was.
    public func isIdle(at now: MonotonicInstant) -> Bool {
        guard let playoutEnd else { return true }
        return playoutEnd <= now
    }

    /// How many bytes may be sent now so that the far end is filled to at most ``lead`` ahead of real time.
    public func bytesDue(at now: MonotonicInstant) -> Int {
        guard let run, !isIdle(at: now) else { return Int(bytes(in: leadNanoseconds)) }
        let horizon = now.nanoseconds.subtractingSaturated(run.start.nanoseconds).addingSaturated(leadNanoseconds)
        return Int(max(0, bytes(in: horizon) - run.bytes))
    }

    /// The first instant at which `count` bytes will be due; `now` if they already are.
    /// More than fits into ``lead`` at once is due, at the latest, when the far end has run idle.
    public func instant(whenDue count: Int, at now: MonotonicInstant) -> MonotonicInstant {
        guard let run, let playoutEnd, playoutEnd > now else { return now }
        let filled = run.start + duration(of: run.bytes.addingSaturated(Int64(count)))
        return min(max(now, filled - lead), playoutEnd)
    }

    /// Notes that `count` bytes were sent at `now`.
    public mutating func sent(_ count: Int, at now: MonotonicInstant) {
        guard count > 0 else { return }
        if let current = run, !isIdle(at: now) {
            run = (current.start, current.bytes.addingSaturated(Int64(count)))
        } else {
            run = (now, Int64(count))
        }
    }

    /// Notes that the far end dropped at `now` what it had not played. The next send begins a new run.
    /// - Returns: how much was dropped.
    @discardableResult
    public mutating func flush(at now: MonotonicInstant) -> Duration {
        let dropped = ahead(at: now)
        run = nil
        return dropped
    }

    /// Rounded up, so that the end is never told too early.
    private func duration(of bytes: Int64) -> Duration {
        let rate = Int64(bytesPerMillisecond)
        let (whole, rest) = bytes.quotientAndRemainder(dividingBy: rate)
        let (nanoseconds, overflow) = whole.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return .nanoseconds(Int64.max) }
        return .nanoseconds(nanoseconds.addingSaturated((rest * 1_000_000 + rate - 1) / rate))
    }

    /// Rounded down, so that the lead is never exceeded. Split, so that no product overflows.
    private func bytes(in nanoseconds: Int64) -> Int64 {
        let rate = Int64(bytesPerMillisecond)
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        let (bytes, overflow) = whole.multipliedReportingOverflow(by: rate)
        guard !overflow else { return nanoseconds < 0 ? 0 : Int64.max }
        return bytes.addingSaturated(rest * rate / 1_000_000)
    }
}
