/// The sockets to the model that the session opens or has open, and that are not known to be closed.
struct AgentSockets {
    /// The newest one that was ordered; what an older one still says is not heard.
    private(set) var newest = AgentSocketID.none
    private var connections: [AgentSocketID: any LegConnection] = [:]
    /// Finished when the newest one is not wanted any more while it is being opened.
    private var attempt: AsyncStream<Void>.Continuation?

    /// Those that are open, the oldest first.
    var open: [any LegConnection] { connections.sorted { $0.key < $1.key }.map(\.value) }

    mutating func ordered(_ socket: AgentSocketID) {
        newest = socket
    }

    /// A task opens the newest one.
    ///
    /// - Parameter attempt: makes that task give up.
    mutating func began(_ attempt: AsyncStream<Void>.Continuation) {
        self.attempt = attempt
    }

    mutating func opened(_ connection: any LegConnection, _ socket: AgentSocketID) {
        connections[socket] = connection
    }

    /// The socket is not wanted any more. If it is still being opened, the task that opens it gives up, and reports.
    ///
    /// - Returns: the socket to close, if it is open already.
    mutating func giveUp(_ socket: AgentSocketID) -> (any LegConnection)? {
        guard socket == newest else { return nil }
        attempt?.finish()
        attempt = nil
        return connections[socket]
    }

    mutating func closed(_ socket: AgentSocketID) {
        connections[socket] = nil
    }

    mutating func removeAll() {
        connections.removeAll()
    }
}
