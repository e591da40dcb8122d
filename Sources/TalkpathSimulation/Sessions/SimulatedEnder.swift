/// The party that ends a simulated call.
package enum SimulatedEnder: String, CaseIterable, Sendable {
    /// The control API.
    case now, drain
    case callerHangUp
    /// The agent's own `end_call`.
    case agentsTool
    /// The model's socket closes, or the model reports that it cannot continue.
    case agentGone, agentFault
    case guards, deadline, shutdown
}
