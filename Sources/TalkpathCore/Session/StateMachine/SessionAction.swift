/// A step that the machine asks the session to take. The session carries actions out in the given order.
enum SessionAction: Equatable, Sendable {
    /// Ask the carrier to place the call; answer with `placed` or `placingFailed`.
    case placeCall
    /// Let the carrier end the call, too, should it last too long. Nothing depends on the answer.
    case limitDuration(carrierCallID: String)
    /// Open that socket to the model; answer with `agentOpened` or `agentConnectFailed`.
    case connectAgent(socket: AgentSocketID)
    /// Drop that socket, if it is still there.
    case dropAgent(socket: AgentSocketID)
    /// The next agent of the list is the call's from here on; `connectAgent` for it follows.
    case changeAgent(AgentFailover)
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
    /// The call has ended: resume every waiter, once.
    case finish(EndReceipt)
    /// Save the facts that became known after the end; answer with `recordUpdated`.
    case updateRecord(EndReceipt)
    /// Nothing is left to do for this call.
    case retire

    /// Have the carrier follow other instructions than to stream to us; answer with `redirectAnswered`.
    case redirect(carrierCallID: String, CarrierInstructions)
    /// The agent is lost for good: queue the clip that was meant for that.
    case playFallback
    /// The caller does not hear the agent any more: its waiting audio is dropped.
    case suspendMedia
    /// Another media socket of the caller's is to come.
    case reopenMedia
    /// Close media socket number `line`, which is a former one; answer with `mediaIsClosed`.
    case dropMedia(line: Int)
    /// Tell the tasks that wait for a transfer its outcome.
    case transferSettled(TransferOutcome)
    /// … or why nothing did.
    case transferFailed(CallCommandError)
    /// The caller is with the agent again, after a transfer of that outcome.
    case callerReturned(TransferOutcome)

    case publish(CallEvent.Kind)
}
