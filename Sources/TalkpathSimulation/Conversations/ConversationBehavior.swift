/// What real models and callers do now and then, by the name under which a simulated conversation plays it.
package enum ConversationBehavior: String, CaseIterable, Sendable {
    /// The caller's words come after the answer to them has begun.
    case lateTranscript = "late-transcript"
    /// Gemini says that it was interrupted when its turn is long over.
    case phantomInterruption = "phantom-interruption"
    /// Gemini does not say that an interrupted turn is complete.
    case openInterruption = "open-interruption"
    /// An answer comes to nothing; the model names a time after which it may be asked again.
    case failedAnswer = "failed-answer"
    /// An order to answer is refused, in the same way.
    case rejectedOrder = "rejected-order"
    /// The agent calls a function that takes its time, and the caller may speak meanwhile.
    case slowTool = "slow-tool"
    /// The model's socket breaks.
    case lostSocket = "lost-socket"
    /// The caller speaks while the model is still set up.
    case earlyHello = "early-hello"
    /// The caller presses keys, while they speak as well.
    case keys
    /// The caller speaks over the agent.
    case bargeIn = "barge-in"
    /// The model calls `end_call` before it says goodbye.
    case earlyEndCall = "early-end-call"
    /// The caller speaks into the goodbye.
    case cutGoodbye = "cut-goodbye"
}
