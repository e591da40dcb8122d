/// The response that is under way: its calls of functions, and the form of its words.
///
/// The provider reports a call's arguments as done even if the caller has cut the call short. Only the call's item, or the
/// end of the response, tells whether the model has completed the call. An incomplete call is never run: the model may
/// have meant other arguments, and the caller may have objected.
struct OpenAIResponse: Sendable {
    /// The names of functions being called, by call, for final messages that lack the name.
    private var names: [String: String] = [:]
    /// The calls whose arguments have come, and whose items have not been reported as complete.
    private var calls: [AgentToolCall] = []
    private var hasSpeech = false
    private var hasWriting = false

    private static let limit = 128

    mutating func began() {
        hasSpeech = false
        hasWriting = false
    }

    // MARK: Words

    mutating func spoke() { hasSpeech = true }

    mutating func wrote() { hasWriting = true }

    /// True if the model has written its words and spoken none of them. The caller has heard nothing then.
    var isOnlyWritten: Bool { hasWriting && !hasSpeech }

    // MARK: Calls

    mutating func calls(_ name: String, in call: String) {
        if names.count < Self.limit { names[call] = name }
    }

    mutating func takeName(of call: String) -> String? { names.removeValue(forKey: call) }

    mutating func argumentsCame(_ call: AgentToolCall) {
        if calls.count < Self.limit { calls.append(call) }
    }

    /// The item of a call has ended.
    ///
    /// - Returns: the call, if it is to be run now.
    mutating func itemEnded(call id: String, isComplete: Bool) -> AgentToolCall? {
        guard let place = calls.firstIndex(where: { $0.id == id }) else { return nil }
        let call = calls.remove(at: place)
        return isComplete ? call : nil
    }

    /// The response has ended.
    ///
    /// - Returns: the calls that are to be run, of a service that does not report the end of items.
    mutating func ended(isComplete: Bool) -> [AgentToolCall] {
        defer { self = OpenAIResponse() }
        return isComplete ? calls : []
    }
}
