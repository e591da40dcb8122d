package import TalkpathAudio
import TalkpathWire

/// Outside control of a call's audio, and questions about it: muting, clips, dialled digits. All methods run on the call's loop.
extension CallMedia {
    /// Mutes or unmutes a leg. Muting the agent also drops its queued audio, and reports the heard part to the model.
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

    /// An in-process agent does not read: audio of the caller was dropped.
    package func agentLeftUnread(milliseconds: Int) { counters.unreadMilliseconds += milliseconds }

    /// True while the caller speaks, or hears the agent.
    func isHeard(at now: MonotonicInstant) -> Bool {
        uplink.voice.isSpeaking || !downlink.isPlayedOut(at: now)
    }

    /// True while the agent gives an audible response that has not ended.
    var isAgentTalking: Bool { downlink.isResponding && !downlink.isMuted }

    package func isPlayedOut(at now: MonotonicInstant) -> Bool { downlink.isPlayedOut(at: now) }

    /// True if the caller's audio reaches the agent.
    var isCallerHeard: Bool { !uplink.isMuted && !uplink.isWithheld }

    /// The instant of the model's latest message.
    var lastAgentMessage: MonotonicInstant? { agentClock.lastMessage }

    /// The instant of the model's latest audio.
    var lastAgentAudio: MonotonicInstant? { agentClock.lastAudio }

    var isCallerWithheld: Bool { uplink.isWithheld }

    /// Withholds the caller's audio from the agent, until the agent has greeted the caller.
    func withholdCaller(_ isWithheld: Bool) { uplink.isWithheld = isWithheld }

    func isMuted(_ leg: CallLeg) -> Bool {
        switch leg {
        case .caller: uplink.isMuted
        case .agent: downlink.isMuted
        }
    }

    /// Queues a clip or dialled digits; ``takeSettled()`` reports when the caller has heard them.
    func insert(_ insertion: DownlinkInsertion) {
        guard !isStopped else { return }
        downlink.insert(insertion)
    }

    /// Marks the end of all audio queued so far; ``takeSettled()`` reports when the caller has heard it.
    func addMilestone(_ id: Int) {
        guard !isStopped else { return }
        downlink.addMilestone(id)
    }

    /// The milestones settled since the last call.
    func takeSettled() -> [PlaybackMilestones.Settled] { downlink.milestones.takeSettled() }

    /// Tells the model how much of which items the caller heard, in the form that its protocol has.
    func tellModel(_ interruption: PlaybackInterruption) {
        for heard in interruption.heard { write(.truncate(item: heard.item, heardMilliseconds: heard.milliseconds)) }
        for item in interruption.neverHeard { write(.delete(item: item)) }
    }

    /// The caller hears nothing of a response that has ended.
    ///
    /// - Parameter isMissing: there is no audio that the model could cut.
    func overlook(_ items: [AgentItem], isMissing: Bool) {
        guard isMissing else { return downlink.overlookResponse() }
        let interruption = PlaybackInterruption(neverHeard: items)
        tellModel(interruption)
        append(.silenced(interruption))
    }

    /// Tells the model about items that have ended and of which the caller heard nothing.
    func tellModelUnheard(endedBy item: AgentItem?) {
        let items = downlink.takeUnheardItems(endedBy: item)
        guard !items.isEmpty else { return }
        let interruption = PlaybackInterruption(heard: items.map { .init(item: $0, milliseconds: 0) })
        tellModel(interruption)
        append(.silenced(interruption))
    }
}
