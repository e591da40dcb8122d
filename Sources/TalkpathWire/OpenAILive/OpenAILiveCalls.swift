/// The functions and tasks that the model waits for.
///
/// The provider wants one `response.create` after the results of all calls of a response, and refuses one that comes
/// before the last result.
struct OpenAILiveCalls: Sendable {
    /// Calls of the backend's model without a result.
    private var open: Set<String> = []
    /// Responses of the backend's model that may still call functions.
    private var responses: Set<String> = []
    /// True if results were given and the model was not asked to go on.
    private var owesRequest = false
    /// Tasks that the agent carries out itself, without a result.
    private var delegations: Set<String> = []

    private static let most = 128

    /// - Returns: false for a call that is open already, or too many.
    mutating func called(_ id: String) -> Bool {
        open.count < Self.most && open.insert(id).inserted
    }

    /// - Returns: false for a task that is open already, or too many.
    mutating func delegated(_ id: String) -> Bool {
        delegations.count < Self.most && delegations.insert(id).inserted
    }

    mutating func responseBegan(_ id: String?) {
        if let id, responses.count < Self.most { responses.insert(id) }
    }

    /// - Returns: true if the model must now be asked to go on.
    mutating func responseEnded(_ id: String?) -> Bool {
        if let id { responses.remove(id) } else { responses.removeAll() }
        return isDue
    }

    /// - Returns: true if the agent carries out this task itself; its result is then given.
    mutating func takeDelegation(_ id: String) -> Bool { delegations.remove(id) != nil }

    /// - Returns: false for a call that this session does not know.
    mutating func answered(_ id: String) -> Bool {
        guard open.remove(id) != nil else { return false }
        owesRequest = true
        return true
    }

    /// - Returns: true if the model must be asked to go on; once.
    mutating func takeRequest() -> Bool {
        guard isDue else { return false }
        owesRequest = false
        return true
    }

    private var isDue: Bool { owesRequest && open.isEmpty && responses.isEmpty }
}
