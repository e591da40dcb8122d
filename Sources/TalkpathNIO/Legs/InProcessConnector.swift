import Logging
import NIOCore
import TalkpathCore
import TalkpathWire

/// Lets agents of this process take calls.
struct InProcessConnector: AgentConnector {
    /// By name.
    let agents: [String: any InProcessAgent]
    let eventLoop: any EventLoop
    let clock: SystemClock
    let instruments: CallInstruments
    let logger: Logger

    func connect(
        _ target: WebSocketTarget,
        socket: AgentSocketID,
        timeout: Duration,
        session: CallSession
    ) async throws(AgentConnectError) -> any LegConnection {
        guard let agent = AgentProfile.inProcessName(inAddress: target.url).flatMap({ agents[$0] }) else {
            throw AgentConnectError("there is no in-process agent of that name", isFinal: true)
        }
        do {
            return try await eventLoop.submit {
                InProcessConnection(
                    session: session,
                    number: socket,
                    agent: agent,
                    eventLoop: eventLoop,
                    clock: clock,
                    instruments: instruments,
                    logger: logger
                ).open(agent)
            }.get()
        } catch {
            throw AgentConnectError("the lane of the call is gone", isFinal: true)
        }
    }
}

/// Opens sockets, or lets agents of this process take calls, by the address of the agent.
struct AgentConnectors: AgentConnector {
    let sockets: SocketAgentConnector
    let inProcess: InProcessConnector

    func connect(
        _ target: WebSocketTarget,
        socket: AgentSocketID,
        timeout: Duration,
        session: CallSession
    ) async throws(AgentConnectError) -> any LegConnection {
        guard AgentProfile.inProcessName(inAddress: target.url) == nil else {
            return try await inProcess.connect(target, socket: socket, timeout: timeout, session: session)
        }
        return try await sockets.connect(target, socket: socket, timeout: timeout, session: session)
    }
}
