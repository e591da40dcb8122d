import NIOCore
import NIOPosix
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire

/// Sends messages to a gateway of agents over one WebSocket, and reopens the socket when it is lost.
///
/// A message counts as delivered when the gateway has answered its request, or has stayed silent for a while after it:
/// not every gateway answers. A message that was under way when the socket was lost is sent again.
actor GatewayTransport: EndpointTransport {
    private struct Link {
        var connection: WebSocketConnection
        var heartbeat: Task<Void, Never>
        var waiting: [Int: Reply] = [:]
    }

    private typealias Reply = CheckedContinuation<DeliveryOutcome, Never>

    private let configuration: ServerConfiguration.Gateway
    private let url: OutboundURL
    private let policy: OutboundAddressPolicy
    private let store: SQLCallStore
    private let clock: any CallClock
    private let patience: Duration
    private let heartbeatEvery: Duration

    private var link: Link?
    /// Counts the sockets, so that messages of an older one are ignored.
    private var generation = 0
    private var opening: Task<String?, Never>?
    private var lastID = 0

    init(
        _ configuration: ServerConfiguration.Gateway,
        policy: OutboundAddressPolicy,
        store: SQLCallStore,
        clock: any CallClock,
        patience: Duration = .seconds(3),
        heartbeatEvery: Duration = .seconds(30)
    ) throws(OutboundAddressError) {
        self.configuration = configuration
        url = try policy.parse(configuration.url)
        self.policy = policy
        self.store = store
        self.clock = clock
        self.patience = patience
        self.heartbeatEvery = heartbeatEvery
    }

    // MARK: Sending

    func deliver(_ event: OutboxEvent) async -> DeliveryOutcome {
        let call = try? await store.find(event.callID)
        guard let message = GatewayMessages.message(event, call: call) else { return .delivered }
        if let failure = await open() { return .failed(failure) }
        lastID += 1
        let id = lastID
        let request = GatewayMessages.request(message, session: configuration.session, id: id)
        let patience = patience
        let impatience = Task {
            try? await Task.sleep(for: patience)
            self.answered(id, .delivered)
        }
        defer { impatience.cancel() }
        return await withCheckedContinuation { continuation in
            guard link != nil else {
                continuation.resume(returning: .failed("the gateway's socket was lost"))
                return
            }
            link?.waiting[id] = continuation
            send(request)
        }
    }

    private func send(_ message: JSONValue) {
        guard let connection = link?.connection else { return }
        let bytes = message.serialized()
        connection.eventLoop.execute {
            _ = connection.write(bytes.span.bytes)
            connection.flush()
        }
    }

    private func answered(_ id: Int, _ outcome: DeliveryOutcome) {
        link?.waiting.removeValue(forKey: id)?.resume(returning: outcome)
    }

    // MARK: The socket

    /// - Returns: why the socket cannot be opened; `nil` if it is open.
    private func open() async -> String? {
        if link != nil { return nil }
        if let opening { return await opening.value }
        let task = Task { await self.connect() }
        opening = task
        defer { opening = nil }
        return await task.value
    }

    private func connect() async -> String? {
        generation += 1
        let number = generation
        let headers = configuration.token.map { [("Authorization", "Bearer \($0)")] } ?? []
        do {
            let addresses = try await policy.addresses(of: url)
            let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
            let connection = try await WebSocketClient.connect(
                url: url.text,
                headers: headers,
                eventLoop: eventLoop,
                resolver: CheckedAddresses(addresses: addresses, eventLoop: eventLoop)
            ) { GatewayConsumer(transport: self, generation: number) }
            link = Link(connection: connection, heartbeat: beat())
            return nil
        } catch let error as WebSocketClientError where error.code == .tls {
            return "the gateway could not be reached: \(error.message)"
        } catch {
            return "the gateway could not be reached"
        }
    }

    private func beat() -> Task<Void, Never> {
        let pause = heartbeatEvery
        return Task { [weak self] in
            while (try? await Task.sleep(for: pause)) != nil, !Task.isCancelled {
                guard let self else { return }
                await self.sendHeartbeat()
            }
        }
    }

    private func sendHeartbeat() {
        send(
            GatewayMessages.request(
                GatewayMessages.heartbeat(at: clock.wallTime),
                session: configuration.session,
                id: nil
            )
        )
    }

    fileprivate func received(_ message: [UInt8], generation: Int) {
        guard generation == self.generation, let json = try? JSONValue(parsing: message), let id = json["id"]?.int
        else { return }
        let isRefused = json["error"].map { !$0.isNull } ?? false
        answered(id, isRefused ? .refused("the gateway refused the message") : .delivered)
    }

    fileprivate func closed(generation: Int) {
        guard generation == self.generation, let old = link else { return }
        link = nil
        old.heartbeat.cancel()
        for reply in old.waiting.values { reply.resume(returning: .failed("the gateway's socket was lost")) }
    }

    func close() async {
        let connection = link?.connection
        closed(generation: generation)
        await connection?.close()
    }
}

/// The socket's side, on its event loop.
private final class GatewayConsumer: WebSocketConsumer {
    private let transport: GatewayTransport
    private let generation: Int

    init(transport: GatewayTransport, generation: Int) {
        self.transport = transport
        self.generation = generation
    }

    func opened(_ connection: WebSocketConnection) {}

    func received(_ message: RawSpan, isText: Bool) {
        let bytes = message.withUnsafeBytes { Array($0) }
        let (transport, generation) = (transport, generation)
        Task { await transport.received(bytes, generation: generation) }
    }

    func closed(_ close: WebSocketClose) {
        let (transport, generation) = (transport, generation)
        Task { await transport.closed(generation: generation) }
    }
}
