/// What the machine orders the session to do. The session carries actions out in the order given.
enum SessionAction: Equatable, Sendable {
    /// Ask the carrier to place the call; answer with `placed` or `placingFailed`.
    case placeCall
    /// Let the carrier end the call, too, should it last too long. Nothing depends on the answer.
    case limitDuration(carrierCallID: String)
    /// Open that socket to the model; answer with `agentOpened` or `agentConnectFailed`.
    case connectAgent(socket: AgentSocketID)
    /// Drop that socket, if it is still there.
    case dropAgent(socket: AgentSocketID)
    /// Let caller audio flow to the agent. `isFirst`: the conversation begins; otherwise it is taken up again.
    case openUplink(isFirst: Bool)
    /// Ask the agent to speak first.
    case greet

    /// No audio moves from here on.
    case stopBridge
    /// Hang up; answer with `hangUpAnswered`.
    case hangUp(carrierCallID: String)
    /// Close the model's socket `socket`, or stop opening it; answer with `agentIsClosed`.
    case closeAgent(socket: AgentSocketID)
    /// Close the carrier's socket; answer with `mediaIsClosed`.
    case closeMedia
    /// Save the record; answer with `recordSaved`.
    case saveRecord(EndReceipt)
    /// The call has ended: tell everybody who waits, once.
    case finish(EndReceipt)
    /// What became known after the end; answer with `recordUpdated`.
    case updateRecord(EndReceipt)
    /// Nothing is left to do for this call.
    case retire

    /// Have the carrier go on with the call on its own; answer with `redirectAnswered`.
    case redirect(carrierCallID: String, CarrierInstructions)
    /// The agent is lost for good: queue the clip that was meant for that.
    case playFallback
    /// The carrier did not take the call over, which goes on.
    case handoverFailed(CarrierError)

    case publish(CallEvent.Kind)
}
