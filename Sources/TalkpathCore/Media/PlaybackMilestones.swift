/// Points on the downlink at which somebody waits: the end of a clip, of dialled digits, of what the agent was asked
/// to say.
///
/// Positions are those of ``PlaybackLedger``: bytes sent to the telephony leg since the call began.
struct PlaybackMilestones {
    /// What became of a milestone.
    struct Settled: Equatable {
        var id: Int
        /// How much was heard of what ends there.
        var heardMilliseconds: Int
        /// It will never be reached.
        var wasCut: Bool
    }

    private struct Pending {
        var id: Int
        var position: Int64
        /// Of what ends there.
        var milliseconds: Int
    }

    private var pending: [Pending] = []
    private var settled: [Settled] = []

    var isEmpty: Bool { pending.isEmpty }
    var hasNews: Bool { !settled.isEmpty }

    mutating func add(_ id: Int, at position: Int64, milliseconds: Int) {
        pending.append(Pending(id: id, position: position, milliseconds: milliseconds))
    }

    /// Something that ends further on than it was thought, or less far, because what stood before it was dropped.
    mutating func move(_ id: Int, to position: Int64) {
        if let index = pending.firstIndex(where: { $0.id == id }) { pending[index].position = position }
    }

    /// Settles those that have been played.
    mutating func settle(_ isPlayed: (Int64) -> Bool) {
        pending.removeAll { milestone in
            guard isPlayed(milestone.position) else { return false }
            settled.append(
                Settled(id: milestone.id, heardMilliseconds: milestone.milliseconds, wasCut: false)
            )
            return true
        }
    }

    /// What stands behind this position was dropped.
    ///
    /// - Parameters:
    ///   - isKept: whether that one was spared.
    ///   - heard: how much was heard of that one.
    mutating func cut(beyond position: Int64, isKept: (Int) -> Bool, heard: (Int) -> Int) {
        pending.removeAll { milestone in
            guard milestone.position > position, !isKept(milestone.id) else { return false }
            settled.append(Settled(id: milestone.id, heardMilliseconds: heard(milestone.id), wasCut: true))
            return true
        }
    }

    /// Dropped before it had a place.
    mutating func drop(_ id: Int) {
        settled.append(Settled(id: id, heardMilliseconds: 0, wasCut: true))
    }

    mutating func takeSettled() -> [Settled] {
        defer { settled.removeAll() }
        return settled
    }
}
