package import TalkpathAudio

/// The state of a live call at one moment, as a watcher sees it besides the record and the events.
package struct CallWatch: Equatable, Sendable {
    /// The caller is speaking now.
    package var callerSpeaks: Bool
    /// Audio of the agent's is on its way to the caller's ear.
    package var agentIsHeard: Bool
    /// The muted legs, and everything else that is under way.
    package var activities: Set<CallActivity>

    package init(callerSpeaks: Bool = false, agentIsHeard: Bool = false, activities: Set<CallActivity> = []) {
        self.callerSpeaks = callerSpeaks
        self.agentIsHeard = agentIsHeard
        self.activities = activities
    }
}

extension CallSession {
    /// Adds and removes the listeners of the live call.
    package func listening() -> TapPoint { media.value.listening }

    package func watch() -> CallWatch {
        guard receipt == nil else { return CallWatch() }
        let media = media.value
        return CallWatch(
            callerSpeaks: media.uplink.voice.isSpeaking,
            agentIsHeard: !media.downlink.isPlayedOut(at: ports.clock.now),
            activities: activities
        )
    }
}
