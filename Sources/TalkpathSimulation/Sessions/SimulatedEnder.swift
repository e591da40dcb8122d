/// Who ends a simulated call.
package enum SimulatedEnder: String, CaseIterable, Sendable {
    /// By the control API.
    case now, drain
    case callerHangUp
    /// The agent's own `end_call`.
    case agentsTool
    /// The model's socket closes, or it says that it cannot go on.
    case agentGone, agentFault
    case guards, deadline, shutdown
}
