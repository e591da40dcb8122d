/// Points on the downlink for which other code waits: the end of a clip, of dialled digits, or of speech that the agent
/// was asked for.
///
/// Positions are those of ``PlaybackLedger``: bytes sent to the telephony leg since the call began.
struct PlaybackMilestones {
    /// The outcome of a milestone.
    struct Settled: Equatable {
        var id: Int
        /// The milliseconds heard of the audio that ends here.
        var heardMilliseconds: Int
        /// True if the milestone will never be reached.
        var wasCut: Bool
    }

    private struct Pending {
        var id: Int
        var position: Int64
        /// The length of the audio that ends here.
        var milliseconds: Int
    }

    private var pending: [Pending] = []
    private var settled: [Settled] = []

    var isEmpty: Bool { pending.isEmpty }
    var hasNews: Bool { !settled.isEmpty }

    mutating func add(_ id: Int, at position: Int64, milliseconds: Int) {
        pending.append(Pending(id: id, position: position, milliseconds: milliseconds))
    }

    /// Moves a milestone whose audio ends earlier, because audio before it was dropped.
    mutating func move(_ id: Int, to position: Int64) {
        if let index = pending.firstIndex(where: { $0.id == id }) { pending[index].position = position }
    }

    /// Settles the milestones that have been played.
    mutating func settle(_ isPlayed: (Int64) -> Bool) {
        pending.removeAll { milestone in
            guard isPlayed(milestone.position) else { return false }
            settled.append(
                Settled(id: milestone.id, heardMilliseconds: milestone.milliseconds, wasCut: false)
            )
            return true
        }
    }

    /// Settles the milestones after `position` as cut, because their audio was dropped.
    ///
    /// - Parameters:
    ///   - isKept: returns true for a milestone whose audio was kept.
    ///   - heard: returns the milliseconds heard of a milestone's audio.
    mutating func cut(beyond position: Int64, isKept: (Int) -> Bool, heard: (Int) -> Int) {
        pending.removeAll { milestone in
            guard milestone.position > position, !isKept(milestone.id) else { return false }
            settled.append(Settled(id: milestone.id, heardMilliseconds: heard(milestone.id), wasCut: true))
            return true
        }
    }

    /// Settles a milestone whose audio was dropped before it had a position.
    mutating func drop(_ id: Int) {
        settled.append(Settled(id: id, heardMilliseconds: 0, wasCut: true))
    }

    mutating func takeSettled() -> [Settled] {
        defer { settled.removeAll() }
        return settled
    }
}
