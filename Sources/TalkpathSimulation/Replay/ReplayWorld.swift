import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The ports around a replayed call, which behave as its capture records.
final class ReplayWorld: @unchecked Sendable {
    // Unchecked: everything runs on the one replaying thread.

    let facts: CaptureMetadata
    let scheduler: ReplayScheduler
    let answers = ReplayAnswers()
    /// The origin of the capture's times.
    static let origin = MonotonicInstant(nanoseconds: 1_000_000_000_000)

    private(set) var events: [CallEvent] = []
    private(set) var lastRecord: CallSnapshot?
    private(set) var toolCalls: [ReplayedCall.ToolCall] = []
    /// The model sockets that are open, by number.
    var agentLegs: [AgentSocketID: ReplayLeg] = [:]

    /// The capture that the replayed call writes of itself.
    let recorder: MemoryCapture

    var records: [CaptureRecord] { recorder.records }

    /// - Parameter longestMessage: the longest incoming message in bytes; the ring must hold everything that one
    ///   message causes.
    init(_ facts: CaptureMetadata, longestMessage: Int) {
        self.facts = facts
        scheduler = ReplayScheduler(from: Self.origin)
        var own = facts
        own.startedOn = Self.origin
        recorder = MemoryCapture(as: own, ringCapacity: (256 << 10) + 4 * longestMessage)
    }

    /// Collects the records that the call has left in its tap.
    func collect() { recorder.collect() }
}

extension ReplayWorld: CallClock, IdentifierSource, CallEventSink {
    var now: MonotonicInstant { scheduler.now }

    var wallTime: WallTime {
        WallTime(milliseconds: facts.startedAt.milliseconds + Int64((now - Self.origin).wholeMilliseconds))
    }

    func makeCallID() -> CallID { facts.callID }

    func makeToken() -> String { "token" }

    func publish(_ event: CallEvent) { events.append(event) }
}

extension ReplayWorld: Carrier {
    func place(_ request: PlaceCallRequest) async throws(CarrierError) -> String {
        switch await answers.wait(for: .place) {
        case .placed(let id)?: return id
        case .placingFailed(let error)?: throw error
        default: throw CarrierError(.noAnswer, "the capture has no answer")
        }
    }

    func hangUp(_ carrierCallID: String) async throws(CarrierError) -> HangUpAnswer {
        switch await answers.wait(for: .hangUp) {
        case .hangUpAnswered(let answer)?: return answer
        case .hangUpFailed(let error)?: throw error
        default: return .done
        }
    }
}

extension ReplayWorld {
    func redirect(_ carrierCallID: String, to instructions: CarrierInstructions) async throws(CarrierError) {
        switch await answers.wait(for: .redirect) {
        case .redirectDone?: return
        case .redirectFailed(let error)?: throw error
        default: throw CarrierError(.noAnswer, "the capture has no answer")
        }
    }
}

extension ReplayWorld: AgentConnector {
    func connect(
        _ target: WebSocketTarget,
        socket: AgentSocketID,
        timeout: Duration,
        session: CallSession
    ) async throws(AgentConnectError) -> any LegConnection {
        switch await answers.wait(for: .connectAgent(socket: socket)) {
        case .agentOpened?:
            let leg = ReplayLeg(self, closing: .closeAgent(socket: socket))
            await leg.open(session, socket: socket)
            return leg
        case .agentUnwanted?:
            answers.answer(.closeAgent(socket: socket), .agentLegClosed(socket: socket))
            return ReplayLeg(self, closing: .closeAgent(socket: socket))
        case .agentConnectFailed(_, let error)?:
            throw error
        default:
            throw AgentConnectError("the capture has no such socket", isFinal: true)
        }
    }
}

extension ReplayWorld: ToolHandler {
    func call(_ tool: AgentToolCall, on call: CallID) async -> String {
        let at = now - Self.origin
        toolCalls.append(ReplayedCall.ToolCall(name: tool.name, arguments: tool.arguments, at: at))
        return if case .toolAnswered(_, let output)? = await answers.wait(for: .tool(id: tool.id)) { output } else {
            "{}"
        }
    }
}

extension ReplayWorld: ToolEndpointCaller {
    func call(_ tool: AgentToolCall, at endpoint: ToolEndpoint, on call: CallID) async -> String {
        await self.call(tool, on: call)
    }
}

extension ReplayWorld: CallStore {
    struct StoreFailed: Error {}

    func save(_ call: CallSnapshot) async throws {
        lastRecord = call
        if case .recordSaved(false)? = await answers.wait(for: .saveRecord) { throw StoreFailed() }
    }

    func update(_ call: CallSnapshot) async throws {
        lastRecord = call
        if case .recordUpdated(false)? = await answers.wait(for: .updateRecord) { throw StoreFailed() }
    }

    func find(_ id: CallID) async throws -> CallSnapshot? { nil }

    func journal(_ call: CallSnapshot) async throws {}

    func calls(matching query: CallQuery) async throws -> CallPage { CallPage(calls: [], limit: 0) }

    func count(matching query: CallQuery) async throws -> Int { 0 }
}

/// A socket of the replayed call. Its messages are in the call's own capture.
final class ReplayLeg: LegSink, LegConnection, @unchecked Sendable {
    // Unchecked: see the world.
    private unowned let world: ReplayWorld
    private let closing: ReplayAnswers.Question
    /// The media's agent generation while this socket is the call's agent leg.
    private(set) var generation: Int?

    init(_ world: ReplayWorld, closing: ReplayAnswers.Question) {
        self.world = world
        self.closing = closing
    }

    func drain(_ outbox: inout MessageOutbox) {
        outbox.drain { _ in }
    }

    func close() async {
        _ = await world.answers.wait(for: closing)
    }

    func open(_ session: CallSession, socket: AgentSocketID) async {
        await session.openReplayed(self, socket: socket)
    }

    fileprivate func opened(_ generation: Int, socket: AgentSocketID) {
        self.generation = generation
        world.agentLegs[socket] = self
    }
}

extension CallSession {
    fileprivate func openReplayed(_ leg: ReplayLeg, socket: AgentSocketID) {
        guard agentSocketOpened(leg, socket: socket) else { return }
        leg.opened(media.value.agentGeneration, socket: socket)
    }
}
