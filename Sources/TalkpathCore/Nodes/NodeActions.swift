package import TalkpathAudio

/// A piece of work of a node that takes several steps. Its steps follow one another; different errands run beside each
/// other, and beside the heartbeats.
package enum NodeErrand: Equatable, Sendable {
    /// Begins the first life of a process.
    case begin
    /// Takes the calls of a node that is late.
    case reap(StoredNode)
    /// Ends this node's calls, because its life of that number is over, and begins another life.
    case letGo(life: Int64)
}

/// An event at a node, for its ``NodeMachine``.
package enum NodeInput: Sendable {
    /// An errand begins: the first input of it.
    case started(NodeErrand)
    /// No step of an errand is left, or the process stops.
    case finished(NodeErrand)
    /// A step of an errand could not be taken. All steps but the wait between two looks may fail.
    case failed(NodeAction, NodeErrand)

    /// The database has answered a heartbeat, with all nodes whose life is not over; with `nil` if the life that the
    /// heartbeat was for is over.
    case beatAnswered(of: Int64, nodes: [StoredNode]?, begun: MonotonicInstant, ended: MonotonicInstant)
    /// A heartbeat has had no answer.
    case beatFailed

    /// A node was asked for a sign of life at its address.
    case asked(StoredNode, isAlive: Bool)
    /// A node's calls were taken; `nil` if it lives, or another node is taking them.
    case took(TakenCalls?, NodeErrand)
    /// Taken calls were closed, up to ``NodeMachine/batch``.
    case closed(TakenCalls, NodeErrand)
    /// This node's calls have ended here.
    case endedOwnCalls(NodeErrand)

    /// The other lives under this node's name, as the database has them now and had them before. `before` is `nil` for
    /// the first look.
    case sawNamesakes([StoredNode], before: [StoredNode]?, NodeErrand)
    /// The lives under this node's name were asked at its address.
    case askedNamesakes([StoredNode], isOneAlive: Bool, NodeErrand)
    /// A life has begun; `earlier` ones under the same name are there to be taken from.
    case registered(Int64, earlier: [Int64], NodeErrand)
}

/// An order of a ``NodeMachine`` to its node.
package enum NodeAction: Equatable, Sendable {
    /// Begin an errand beside the others.
    case start(NodeErrand)

    /// Ask a node at its address whether it lives → ``NodeInput/asked(_:isAlive:)``.
    case ask(StoredNode)
    /// Take the calls of a life, if the database says that its lease is over → ``NodeInput/took(_:_:)``.
    case take(life: Int64)
    /// Take the live calls that no node owns → ``NodeInput/took(_:_:)``.
    case takeOrphans
    /// After a pause, close taken calls as `node_lost`, up to ``NodeMachine/batch`` → ``NodeInput/closed(_:_:)``.
    case close(TakenCalls, after: Duration)
    /// End this node's own calls as `node_lost` → ``NodeInput/endedOwnCalls(_:)``.
    case endOwnCalls
    /// After a pause, look for other lives under this node's name → ``NodeInput/sawNamesakes(_:before:_:)``.
    case lookForNamesakes(before: [StoredNode]?, after: Duration)
    /// Ask other lives under this node's name at its address → ``NodeInput/askedNamesakes(_:isOneAlive:_:)``.
    case askNamesakes([StoredNode])
    /// Tell the operator that another living process has this node's name. The errand is over.
    case refuseName
    /// Begin a life → ``NodeInput/registered(_:earlier:_:)``.
    case register

    /// Look for work that a node has left to the others: events to deliver, calls to hang up.
    case takeOnWork
    /// Place the delayed calls that a dead node would have placed.
    case restoreDelayedCalls
    case tell(NodeNews)
}

/// A change that the node's operator is told of.
package enum NodeNews: Equatable, Sendable {
    /// No heartbeat reaches the database.
    case cutOff
    /// Heartbeats reach the database again.
    case reachable
    /// A node is late, but answers: its calls go on.
    case answers(StoredNode)
    /// A node has died, and its calls were taken.
    case died(StoredNode, calls: Int)
    /// Others have taken this node's calls.
    case lostLife
    /// This node has begun another life.
    case newLife
}
