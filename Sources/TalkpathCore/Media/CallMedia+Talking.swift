import TalkpathAudio
import TalkpathWire

/// What is done to a call's audio from outside: muting, clips, dialled digits.
extension CallMedia {
    /// On the loop.
    func setMuted(_ leg: CallLeg, _ isMuted: Bool, at now: MonotonicInstant) {
        guard !isStopped else { return }
        switch (leg, isMuted) {
        case (.caller, _):
            uplink.isMuted = isMuted
        case (.agent, true):
            clearTelephony(at: now)
            guard let interruption = downlink.mute(at: now) else { return }
            tellModel(interruption)
            append(.silenced(interruption))
        case (.agent, false):
            downlink.unmute()
        }
    }

    /// Whether what the caller says reaches the agent.
    var isCallerHeard: Bool { !uplink.isMuted && !uplink.isWithheld }

    var isCallerWithheld: Bool { uplink.isWithheld }

    /// Keeps what the caller says from the agent, until the agent has greeted them.
    func withholdCaller(_ isWithheld: Bool) { uplink.isWithheld = isWithheld }

    func isMuted(_ leg: CallLeg) -> Bool {
        switch leg {
        case .caller: uplink.isMuted
        case .agent: downlink.isMuted
        }
    }

    /// Queues audio of our own; ``Happening/settled(_:)`` tells when it has been heard.
    func insert(_ insertion: DownlinkInsertion) {
        guard !isStopped else { return }
        downlink.insert(insertion)
    }

    /// ``Happening/settled(_:)`` tells when all that is to be heard by now has been.
    func addMilestone(_ id: Int) {
        guard !isStopped else { return }
        downlink.addMilestone(id)
    }

    /// What has been settled since this was asked last.
    func takeSettled() -> [PlaybackMilestones.Settled] { downlink.milestones.takeSettled() }

    /// How much of which items was heard, in the model's own way.
    func tellModel(_ interruption: PlaybackInterruption) {
        for heard in interruption.heard { write(.truncate(item: heard.item, heardMilliseconds: heard.milliseconds)) }
        for item in interruption.neverHeard { write(.delete(item: item)) }
    }

    /// Items that ended while the agent was muted.
    func tellModelMuted(endedBy item: AgentItem?) {
        let items = downlink.takeMutedItems(endedBy: item)
        guard !items.isEmpty else { return }
        let interruption = PlaybackInterruption(heard: items.map { .init(item: $0, milliseconds: 0) })
        tellModel(interruption)
        append(.silenced(interruption))
    }
}
