/// The behaviour of a fake model.
public struct FakeAgentConfiguration: Sendable {
    public var host: String
    /// 0 chooses a free port.
    public var port: Int
    /// The key that clients must show; `nil` to ask for none.
    public var apiKey: String?
    /// The scripts by session, counted from 0. Further sessions use the last one.
    public var scripts: [AgentScript]
    public var faults: [AgentFault]
    /// Unexpected behaviour of real models that the fake imitates.
    public var behaviours: ModelBehaviours
    public var pace: Pace
    /// True if the audio of both sides is recorded.
    public var keepsAudio: Bool
    /// The number of event loops, each on a thread of its own.
    public var threads: Int
    /// The timeline for all events. Other simulators may share it.
    public var timeline: SimulatorTimeline

    public init(
        host: String = "127.0.0.1",
        port: Int = 0,
        apiKey: String? = nil,
        script: AgentScript = AgentScript(),
        faults: [AgentFault] = [],
        behaviours: ModelBehaviours = .none,
        pace: Pace = .realTime,
        keepsAudio: Bool = true,
        threads: Int = 1,
        timeline: SimulatorTimeline = SimulatorTimeline()
    ) {
        self.host = host
        self.port = port
        self.apiKey = apiKey
        scripts = [script]
        self.faults = faults
        self.behaviours = behaviours
        self.pace = pace
        self.keepsAudio = keepsAudio
        self.threads = threads
        self.timeline = timeline
    }

    func script(forSession session: Int) -> AgentScript {
        scripts.isEmpty ? AgentScript() : scripts[min(session, scripts.count - 1)]
    }
}
