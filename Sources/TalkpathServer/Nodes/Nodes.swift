import CoreMetrics
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// This server as one of several nodes on a database: its view of the others, and its own life.
/// Thread-safe.
final class Nodes: Sendable {
    private struct State {
        /// All nodes, this one included, as the last heartbeat showed them.
        var seen: [StoredNode] = []
        var machine = NodeMachine()
    }

    let configuration: ServerConfiguration.Node
    let registry: NodeRegistry
    let client: NodeClient
    let store: SQLCallStore
    let instruments: NodeInstruments
    /// The origin of this node's own media sockets.
    let mediaOrigin: PublicOrigin?
    private let signature: NodeSignature
    private let clock: any CallClock
    private let state = Mutex(State())
    private let relayed = Atomic<Int>(0)

    init(
        _ configuration: ServerConfiguration.Node,
        registry: NodeRegistry,
        store: SQLCallStore,
        clock: any CallClock,
        instruments: NodeInstruments,
        allowsPlain: Bool
    ) {
        self.configuration = configuration
        self.registry = registry
        self.store = store
        self.clock = clock
        self.instruments = instruments
        mediaOrigin = configuration.mediaURL.flatMap { PublicOrigin($0, allowsPlain: allowsPlain) }
        signature = NodeSignature(secret: configuration.secret)
        client = NodeClient(signature: signature, clock: clock)
    }

    /// `nil` if the server is no node.
    convenience init?(
        _ configuration: ServerConfiguration,
        store: ServerStore,
        clock: any CallClock,
        factory: any MetricsFactory
    ) {
        guard let node = configuration.node, let registry = store.registry else { return nil }
        self.init(
            node,
            registry: registry,
            store: store.calls,
            clock: clock,
            instruments: NodeInstruments(factory: factory),
            allowsPlain: configuration.isDevelopment
        )
    }

    /// The epoch of the life that goes on.
    var epoch: Int64 { store.epoch ?? 0 }
    var isFenced: Bool { state.withLock { $0.machine.isFenced } }
    var isCutOff: Bool { state.withLock { $0.machine.isCutOff } }
    /// All nodes as the last heartbeat showed them.
    var seen: [StoredNode] { state.withLock { $0.seen } }

    /// The media sockets of other nodes' calls that are open here. They are cut when this process ends.
    var relayedSockets: Int { relayed.load(ordering: .relaxed) }

    func relays(isOpen: Bool) { relayed.add(isOpen ? 1 : -1, ordering: .relaxed) }

    // MARK: Decisions

    /// Lets the machine decide. ``NodeKeeper`` carries out the orders.
    func handle(_ input: NodeInput) -> [NodeAction] { state.withLock { $0.machine.handle(input) } }

    /// - Parameter seen: all nodes; `nil` if the life that the heartbeat was for is over.
    func beatAnswered(
        of life: Int64,
        _ seen: [StoredNode]?,
        begun: MonotonicInstant,
        ended: MonotonicInstant
    ) -> [NodeAction] {
        if let seen {
            instruments.see(nodes: seen.count)
            instruments.cutOff(false)
        }
        return state.withLock { state in
            state.seen = seen ?? state.seen
            return state.machine.handle(.beatAnswered(of: life, nodes: seen, begun: begun, ended: ended))
        }
    }

    func beatFailed() -> [NodeAction] {
        instruments.cutOff(true)
        return handle(.beatFailed)
    }

    // MARK: The own life

    /// Begins a life of this node.
    /// - Returns: its earlier lives, from which calls have to be taken.
    func register(load: NodeLoad) async throws -> [Int64] {
        let (epoch, earlier) = try await registry.register(
            id: configuration.id,
            url: configuration.url,
            version: TalkpathVersion.current,
            load: load
        )
        store.own(as: epoch)
        return earlier
    }

    /// The other lives under this node's name that are not over.
    func namesakes() async throws -> [StoredNode] {
        let own = epoch
        return try await registry.nodes().filter { $0.id == configuration.id && $0.epoch != own }
    }

    /// True if a life under this node's name goes on at its address. To begin another one would end its calls.
    func isAliveHere(_ namesake: StoredNode) async -> Bool {
        await client.isAlive(namesake.epoch, at: configuration.url, from: epoch)
    }

    var sameName: ConfigurationError {
        ConfigurationError([
            .init(
                Setting.nodeURL.rawValue,
                "belongs to a node that lives, \(configuration.id): give each node an address of its own, or stop that node first"
            )
        ])
    }

    func close() async {
        await client.close()
        registry.close()
    }

    // MARK: Requests of other nodes

    /// A request that another node has forwarded.
    struct Forwarded {
        var tenant: String
        var request: Request
    }

    /// Checks a request that bears the signature of a node.
    ///
    /// - Returns: `nil` for a request without one.
    /// - Throws: a problem if the signature is wrong, or if the request was meant for another life of this node.
    func admit(_ request: Request) async throws -> Forwarded? {
        guard let proof = request.headers[.nodeSignature] else { return nil }
        var request = request
        let wrong = Problem(.forbidden, .forbidden, "The signature of the node is missing or wrong")
        guard let from = request.headers[.nodeFrom].flatMap({ Int64($0) }),
            let to = request.headers[.nodeTo].flatMap({ Int64($0) }),
            let time = request.headers[.nodeTime].flatMap({ Int64($0) }),
            let tenant = request.headers[.nodeTenant].flatMap(NodeSignature.tenant)
        else { throw wrong }
        let now = clock.wallTime.milliseconds / 1000
        // Before the body is read: the signature covers it, and is checked last.
        guard NodeSignature.isFresh(time, at: now) else { throw wrong }
        guard to == epoch else {
            throw Problem(.serviceUnavailable, .nodeUnreachable, "This node has begun a new life").retry(after: 1)
        }
        let body = try await request.bytes()
        request.body = RequestBody(buffer: ByteBuffer(bytes: body))
        let subject = NodeSignature.Subject(
            from: from,
            to: to,
            tenant: tenant,
            time: time,
            method: request.method.rawValue,
            target: request.head.path ?? "",
            body: body
        )
        guard signature.isValid(proof, of: subject, at: now) else { throw wrong }
        return Forwarded(tenant: tenant, request: request)
    }

    // MARK: Requests to other nodes

    /// The node that has a live call; `nil` if it is this one, or none.
    /// - Parameter reference: our name of the call, or the carrier's.
    func otherOwner(of reference: String) async -> CallOwner? {
        let owner: CallOwner?
        if CallID(reference).isPlausible {
            owner = try? await store.owner(of: CallID(reference))
        } else if TwilioSID.isWellFormed(reference, prefix: "CA") {
            owner = try? await store.owner(carrierCallID: reference)
        } else {
            return nil
        }
        return owner?.epoch == epoch ? nil : owner
    }

    /// The answer of the node that has the call.
    ///
    /// - Returns: `nil` if that node has died meanwhile. Its call is over then, and any node can answer.
    /// - Throws: ``Problem/nodeUnreachable`` if it does not answer, and no node has taken the call.
    func forward(_ question: NodeClient.Question, to owner: CallOwner) async throws -> Response? {
        do {
            let answer = try await withThrowingTaskGroup(of: Response?.self) { group in
                group.addTask { [client, epoch] in
                    try await client.forward(question, to: owner.epoch, at: owner.url, from: epoch)
                }
                group.addTask {
                    while !self.isOver(owner.epoch) { try await Task.sleep(for: .milliseconds(100)) }
                    return nil
                }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
            if answer != nil { instruments.forwarded(.answered) }
            return answer
        } catch {
            try Task.checkCancellation()
            instruments.forwarded(.unreachable)
            let deadline = ContinuousClock.now + .seconds(5)
            while .now < deadline {
                if isOver(owner.epoch) { return nil }
                try await Task.sleep(for: .milliseconds(100))
            }
            throw Problem.nodeUnreachable
        }
    }

    /// True if the last heartbeat has shown that a life of a node is over.
    private func isOver(_ other: Int64) -> Bool {
        state.withLock { $0.machine.isOver(other) }
    }

    /// The answers of all other nodes to the same question; `nil` for a node that does not answer.
    ///
    /// Asks the database for the nodes, as the last heartbeat has not shown a node that began after it. If the database
    /// is away, no node has begun since.
    func askOthers(_ question: NodeClient.Question) async -> [JSONValue?] {
        let known = (try? await registry.nodes()) ?? seen
        let own = epoch
        return await withTaskGroup(of: JSONValue?.self) { group in
            for node in known where node.epoch != own {
                group.addTask {
                    let owner = CallOwner(call: CallID(""), tenant: question.tenant, epoch: node.epoch, url: node.url)
                    guard let answer = try? await self.forward(question, to: owner) else { return nil }
                    guard let body = try? await answer.body.collected(), answer.status == .ok else { return nil }
                    return try? JSONValue(parsing: body)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }
}

extension Problem {
    static let nodeUnreachable = Problem(
        .serviceUnavailable,
        .nodeUnreachable,
        "The node that has this call does not answer: if it has died, its calls are ended within seconds"
    ).retry(after: 3)
}
