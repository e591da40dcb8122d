import TalkpathAudio

/// A pause of the caller's line: the carrier's stream is open, and no audio comes.
///
/// Lines differ. Most bring silence as audio; one with discontinuous transmission, or a muted telephone, may bring
/// nothing. A stall of the network brings its audio late and all at once, so short pauses are left alone.
///
/// Pure arithmetic on instants that the caller passes in.
struct LinePause {
    private var lastAudio: MonotonicInstant?
    /// The silence given for the present pause, in milliseconds.
    private var given = 0

    /// Stalls of the network are seldom longer, and would break a sentence in two.
    static let shortest = Duration.seconds(1)
    /// Within that time every model has noticed the end of a turn.
    static let longest = Duration.seconds(10)
    /// The most silence to give at once. A longer stall of our own counts as over.
    private static let most = shortest.wholeMilliseconds

    mutating func ended(at now: MonotonicInstant) {
        lastAudio = now
        given = 0
    }

    /// The milliseconds of silence to send now.
    mutating func missing(at now: MonotonicInstant) -> Int {
        guard let lastAudio, now - lastAudio >= Self.shortest else { return 0 }
        let due = min(now - lastAudio, Self.longest).wholeMilliseconds
        given = max(given, due - Self.most)
        defer { given = due }
        return due - given
    }
}
