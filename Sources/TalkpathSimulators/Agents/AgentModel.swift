internal import TalkpathAudio

/// An action of a model on its socket.
enum AgentOutput: Sendable {
    case send([UInt8], binary: Bool)
    case close(code: Int, reason: String)
    case vanish
    case endStream
    case event(SimulatorEvent.Kind)
}

/// The behaviour of a speech model on one socket. Does no I/O: the caller passes the time in, and takes the outputs
/// after every call.
protocol AgentModel: Sendable {
    /// The source in the model's timeline entries.
    static var source: SimulatorEvent.Source { get }

    mutating func opened(at now: MonotonicInstant)
    mutating func received(_ message: RawSpan, isText: Bool, at now: MonotonicInstant)
    /// Does everything that is due until `now`.
    mutating func advance(to now: MonotonicInstant)
    /// Performs faults now.
    mutating func perform(_ faults: [AgentFault.Action], at now: MonotonicInstant)
    mutating func closed(code: Int, at now: MonotonicInstant)
    /// The time when `advance` next has work to do.
    var nextDeadline: MonotonicInstant? { get }
    mutating func takeOutputs() -> [AgentOutput]
    var core: AgentCore { get set }
    var record: AgentRecord { get }
}
