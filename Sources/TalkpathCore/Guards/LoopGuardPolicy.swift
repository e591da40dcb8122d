/// The rule that stops two agents that talk to each other in circles.
///
/// The score goes from 0 to 1: how sure the guard is that neither side has said anything new for a while. It stands in
/// the call's snapshot as ``CallSnapshot/loopScore``.
public struct LoopGuardPolicy: Equatable, Sendable {
    /// From here on `CallEvent.Kind.loopSuspected` is published, once for each time the score rises over it.
    public var warnScore: Double
    /// From here on the call ends with `loop_detected`. `nil`: it never ends, and is only warned of.
    public var endScore: Double?
    /// With fewer turns, both sides together, no call is ended.
    public var minimumTurns: Int
    /// A call of so many turns, both sides together, is ended. `nil`: no limit.
    public var maximumTurns: Int?

    public init(
        warnScore: Double = 0.6,
        endScore: Double? = 0.9,
        minimumTurns: Int = 8,
        maximumTurns: Int? = nil
    ) {
        self.warnScore = warnScore
        self.endScore = endScore
        self.minimumTurns = minimumTurns
        self.maximumTurns = maximumTurns
    }
}
