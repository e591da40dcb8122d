import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// Opens sockets to the model, or fails to.
final class SimulatedConnector: AgentConnector, @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.
    private let world: SimulatedWorld
    private(set) var sockets: [SimulatedAgentSocket] = []

    func forget() { sockets = [] }

    init(_ world: SimulatedWorld) {
        self.world = world
    }

    func connect(
        _ target: WebSocketTarget,
        socket number: AgentSocketID,
        timeout: Duration,
        session: CallSession
    ) async throws(AgentConnectError) -> any LegConnection {
        let scheduler = world.scheduler
        world.begin("connecting \(number)")
        defer { world.finish("connecting \(number)") }
        world.opening("connecting")
        let delay = scheduler.milliseconds(0...(world.theme.hasSlowSockets || scheduler.chance(20) ? 9000 : 200))
        if scheduler.chance(20) {
            // Ignores cancellation for a while, as a name lookup may.
            await scheduler.pause(min(delay, timeout))
            if Task.isCancelled { throw AgentConnectError("cancelled") }
        } else {
            guard await scheduler.sleep(min(delay, timeout)) else { throw AgentConnectError("cancelled") }
            world.finished("an attempt to open a socket")
        }
        if delay > timeout || scheduler.chance(10) { throw AgentConnectError("refused", isFinal: scheduler.chance(20)) }
        let socket = await scheduler.onLane { [world] in
            let socket = SimulatedAgentSocket(world, session, number: number)
            if session.assumeIsolated({ $0.agentSocketOpened(socket, socket: number) }) { socket.wasTaken() }
            world.watchEnd()
            return socket
        }
        sockets.append(socket)
        if scheduler.chance(world.theme.losses) {
            scheduler.after(scheduler.milliseconds(0...4000)) { socket.vanish() }
        }
        return socket
    }
}
