package import TalkpathAudio
package import TalkpathWire

/// The settings of a call's media plane.
package struct MediaPlan: Sendable, Equatable {
    package var provider: AgentProvider
    /// The formats of the audio to and from the agent.
    package var agentInput: AudioFormat
    package var agentOutput: AudioFormat
    /// The resampling engine, for both directions.
    package var resampler: ResamplerEngine
    /// The time by which the far end's buffer may be ahead of real time.
    package var lead: Duration
    /// The caller audio, in milliseconds, that is kept while no agent is connected.
    package var uplinkMilliseconds: Int
    /// The detector that decides on barge-in: the model's, our local one, or both.
    package var bargeIn: BargeIn

    package init(
        provider: AgentProvider,
        agentInput: AudioFormat,
        agentOutput: AudioFormat,
        resampler: ResamplerEngine = .default,
        lead: Duration = .milliseconds(200),
        uplinkMilliseconds: Int = 10_000,
        bargeIn: BargeIn = .model
    ) {
        self.provider = provider
        self.agentInput = agentInput
        self.agentOutput = agentOutput
        self.resampler = resampler
        self.lead = lead
        self.uplinkMilliseconds = uplinkMilliseconds
        self.bargeIn = bargeIn
    }

    /// The plan for a call with this agent.
    package init(_ agent: AgentProfile) {
        self.init(
            provider: agent.provider,
            agentInput: agent.inputFormat,
            agentOutput: agent.outputFormat,
            resampler: agent.resampler,
            bargeIn: agent.bargeIn
        )
    }
}
