/// Occasional behaviour of real models and callers, by the name under which a simulated conversation plays it.
package enum ConversationBehavior: String, CaseIterable, Sendable {
    /// The transcript of the caller's turn arrives after the answer to it has begun.
    case lateTranscript = "late-transcript"
    /// Gemini reports an interruption long after its turn is over.
    case phantomInterruption = "phantom-interruption"
    /// Gemini does not report that an interrupted turn is complete.
    case openInterruption = "open-interruption"
    /// A response fails, with a time after which the model may be asked again; or the caller cannot hear it, because it is
    /// broken off before its first word, has nothing in it, or is written instead of spoken.
    case failedAnswer = "failed-answer"
    /// A request for a response is refused, and the model states a time as well.
    case rejectedOrder = "rejected-order"
    /// The agent calls a slow function, and the caller may speak meanwhile.
    case slowTool = "slow-tool"
    /// The model's socket breaks.
    case lostSocket = "lost-socket"
    /// The caller speaks while the model is being set up.
    case earlyHello = "early-hello"
    /// The caller presses keys, also while speaking.
    case keys
    /// The caller speaks over the agent.
    case bargeIn = "barge-in"
    /// The model calls `end_call` before it says goodbye.
    case earlyEndCall = "early-end-call"
    /// The caller speaks during the goodbye.
    case cutGoodbye = "cut-goodbye"
    /// The agent calls a function with arguments that are no JSON object.
    case brokenArguments = "broken-arguments"
    /// The model refuses what not every model takes: a part of its set-up, or turns that were not announced.
    case pickyModel = "picky-model"
    /// The carrier's media bear no timestamp.
    case noTimestamps = "no-timestamps"
    /// Gemini announces the end of its session, and ends it; it gives handles to resume it by.
    case goAway = "go-away"
    /// The agent is refused at its set-up, or is lost for good later on, and the next one of the call's list takes over.
    case failover
    /// An operator ends the call, and lets the agent finish.
    case drain
    /// An operator puts messages into the conversation, also while the caller speaks.
    case messages
}
