package import TalkpathAudio
package import TalkpathWire

/// An event for the session to act on. Audio is never one.
package enum MediaEvent: Equatable, Sendable {
    case streamStarted(TelephonyStreamStart)
    case streamStopped
    case dtmf(digit: UInt8)
    /// The caller spoke over the agent, and the agent has been silenced.
    case interrupted(PlaybackInterruption)
    /// The caller has begun or stopped speaking, as detected on the line.
    case callerVoice(VoiceActivityDetector.Transition)
    /// Muting the agent cut its speech short, or kept the caller from hearing it.
    case silenced(PlaybackInterruption)
    /// The agent has begun to answer the caller, who waited this long.
    case answered(after: Duration)
    /// The telephony leg's socket was told to clear, this long after the model reported the interruption.
    case cleared(after: Duration)
    case agent(AgentEvent)
    /// The first audio of an utterance has arrived; may come more than once for an utterance.
    case agentItemBegan(AgentItem)
}
