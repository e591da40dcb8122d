import TalkpathAudio

/// Simulates the caller's hearing: plays the telephony leg's audio without a pause, in virtual time, and drops the
/// audio that is cleared.
struct CallerListener {
    private struct Stretch {
        var item: Int?
        var bytes: Int
    }

    private var queue: [Stretch] = []
    private var playedTo = MonotonicInstant(nanoseconds: 0)
    /// The bytes heard, by item.
    private var heard: [Int: Int] = [:]

    private static let nanosecondsPerByte: Int64 = 125_000

    /// The bytes that still have to be played.
    private(set) var waitingBytes = 0

    /// The milliseconds of agent speech among them.
    var waitingSpeech: Int { queue.reduce(0) { $1.item == nil ? $0 : $0 + $1.bytes } / 8 }

    func heardMilliseconds(of item: Int) -> Int { (heard[item] ?? 0) / 8 }

    mutating func take(_ bytes: Int, of item: Int?, at now: MonotonicInstant) {
        play(until: now)
        if queue.isEmpty { playedTo = now }
        waitingBytes += bytes
        if let last = queue.last, last.item == item {
            queue[queue.count - 1].bytes += bytes
        } else {
            queue.append(Stretch(item: item, bytes: bytes))
        }
    }

    mutating func clear(at now: MonotonicInstant) {
        play(until: now)
        queue.removeAll()
        waitingBytes = 0
    }

    /// The time until all of it will have been played.
    func playedOut(after now: MonotonicInstant) -> Duration {
        guard waitingBytes > 0 else { return .zero }
        return max(.zero, playedTo + .nanoseconds(Int64(waitingBytes) * Self.nanosecondsPerByte) - now)
    }

    mutating func play(until now: MonotonicInstant) {
        var due = Int((now - playedTo).wholeNanoseconds / Self.nanosecondsPerByte)
        while due > 0, let first = queue.first {
            let bytes = min(due, first.bytes)
            due -= bytes
            waitingBytes -= bytes
            playedTo = playedTo + .nanoseconds(Int64(bytes) * Self.nanosecondsPerByte)
            if let item = first.item { heard[item, default: 0] += bytes }
            if bytes == first.bytes { queue.removeFirst() } else { queue[0].bytes -= bytes }
        }
    }
}
