/// How a fake model listens and behaves.
public struct FakeAgentConfiguration: Sendable {
    public var host: String
    /// 0: any free one.
    public var port: Int
    /// The key the client must show; nil: none is asked for.
    public var apiKey: String?
    /// The behaviour by session, counted from 0; sessions beyond it have the last.
    public var scripts: [AgentScript]
    public var faults: [AgentFault]
    /// What it does besides that clients seldom expect.
    public var habits: ModelHabits
    public var pace: Pace
    /// Whether audio is recorded: what is heard and what is said.
    public var keepsAudio: Bool
    /// Event loops, each a thread.
    public var threads: Int
    /// Where everything is told; may be shared with other simulators.
    public var timeline: SimulatorTimeline

    public init(
        host: String = "127.0.0.1",
        port: Int = 0,
        apiKey: String? = nil,
        script: AgentScript = AgentScript(),
        faults: [AgentFault] = [],
        habits: ModelHabits = .none,
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
        self.habits = habits
        self.pace = pace
        self.keepsAudio = keepsAudio
        self.threads = threads
        self.timeline = timeline
    }

    func script(forSession session: Int) -> AgentScript {
        scripts.isEmpty ? AgentScript() : scripts[min(session, scripts.count - 1)]
    }
}
