internal import TalkpathAudio

/// What a model's behaviour wants done with its socket.
enum AgentOutput: Sendable {
    case send([UInt8], binary: Bool)
    case close(code: Int, reason: String)
    case vanish
    case endStream
    case event(SimulatorEvent.Kind)
}

/// The behaviour of a speech model on one socket. Sans-IO: time comes in, outputs are taken after every call.
protocol AgentModel: Sendable {
    /// Whose timeline entries these are.
    static var source: SimulatorEvent.Source { get }

    mutating func opened(at now: MonotonicInstant)
    mutating func received(_ message: RawSpan, isText: Bool, at now: MonotonicInstant)
    /// Does all that is due until `now`.
    mutating func advance(to now: MonotonicInstant)
    /// Lets something go wrong now.
    mutating func perform(_ faults: [AgentFault.Action], at now: MonotonicInstant)
    mutating func closed(code: Int, at now: MonotonicInstant)
    /// When `advance` has something to do next.
    var nextDeadline: MonotonicInstant? { get }
    mutating func takeOutputs() -> [AgentOutput]
    var core: AgentCore { get set }
    var record: AgentRecord { get }
}
