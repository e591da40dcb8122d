import Logging
import HTTPTypes
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire

/// Places a call for a tenant, within the tenant's limits.
struct CallPlacement {
    let state: ServerState
    let tenant: String
    /// The place in a trace that the client has named for the call.
    var traceParent: String?

    /// The reason why there is no call, and whether the carrier may have placed one all the same.
    struct Failure: Error {
        var problem: Problem
        var mayHavePlaced = false
    }

    /// Places the call and waits for the carrier's answer.
    /// - Parameter id: the identifier of the call; `nil` for a new one.
    func place(_ request: CreateCallRequest, as id: CallID? = nil) async throws(Failure) -> CallSnapshot {
        let call: OutboundCall
        do throws(Problem) {
            call = try await prepare(request, as: id)
        } catch {
            state.instruments.refusedCall(.outbound, error.code)
            throw Failure(problem: error)
        }
        return try await place(call)
    }

    /// - Parameter call: from ``prepare(_:as:)``.
    func place(_ call: OutboundCall) async throws(Failure) -> CallSnapshot {
        let session: CallSession
        do throws(Problem) {
            session = try await start(call)
        } catch {
            state.instruments.refusedCall(.outbound, error.code)
            throw Failure(problem: error)
        }
        if case .failure(let error)? = await session.waitForPlacement() {
            // The answer names the call, whose record must hold the reason by then.
            await session.waitForEnd()
            // If the carrier did not answer, a second attempt could make the phone ring twice.
            throw Failure(problem: problem(error, call: session.id), mayHavePlaced: error.code == .noAnswer)
        }
        CallLog(logger: state.logger).placed(session.id, tenant: tenant)
        return await session.snapshot()
    }

    /// Checks the request and prepares its call.
    func prepare(_ request: CreateCallRequest, as id: CallID? = nil) async throws(Problem) -> OutboundCall {
        try state.check(destination: request.to)
        if let from = request.from { try await state.check(callerID: from, tenant: tenant) }
        if let address = request.publicURL { try state.check(origin: address, tenant: tenant) }
        let (agent, variables) = try await agent(request)
        guard state.carriers?.carrier(of: tenant) != nil else {
            throw Problem(.serviceUnavailable, .carrierNotConfigured, "No carrier is configured to place calls with")
        }
        try checkCapture(request)
        var call = OutboundCall(
            id: id ?? state.identifiers.makeCallID(),
            from: request.from ?? state.configuration.twilio(of: tenant)?.fromNumber ?? "",
            to: request.to,
            agent: agent,
            metadata: request.metadata,
            variables: variables,
            publicURL: request.publicURL,
            tenant: tenant
        )
        call.capture = request.capture
        return call
    }

    /// Begins a call without a carrier, which waits for its media socket.
    func begin(webCall request: CreateCallRequest) async throws(Problem) -> CallID {
        do throws(Problem) {
            return try await accept(webCall: request)
        } catch {
            state.instruments.refusedCall(.inbound, error.code)
            throw error
        }
    }

    private func accept(webCall request: CreateCallRequest) async throws(Problem) -> CallID {
        let (agent, variables) = try await agent(request)
        try checkCapture(request)
        guard !state.isDraining else { throw .draining }
        let id = state.identifiers.makeCallID()
        var call = InboundCall(
            id: id,
            from: WebCallRoutes.caller,
            to: agent.id ?? "",
            carrierCallID: nil,
            agent: agent,
            metadata: request.metadata,
            variables: variables,
            tenant: tenant
        )
        call.capture = request.capture
        call.limits.maxDuration = try await admit(id, for: call.limits.maxDuration, isPlaced: false)
        state.traces.adopt(traceParent, for: id)
        do throws(CallManager.Refusal) {
            _ = try await state.manager.accept(call)
        } catch {
            state.traces.forget(id)
            await state.freePlace(of: id)
            throw problem(error)
        }
        CallLog(logger: state.logger).received(id, tenant: tenant)
        return id
    }

    private func checkCapture(_ request: CreateCallRequest) throws(Problem) {
        if let policy = request.capture, !policy.isNothing, state.configuration.recordings == nil {
            throw JSONBody.invalid("capture", "nothing can be kept here: \(Setting.recordings.rawValue) is not set")
        }
    }

    /// Returns the agent with the request's changes and its placeholders filled, and the values that filled them.
    private func agent(_ request: CreateCallRequest) async throws(Problem) -> (AgentProfile, [String: JSONValue]) {
        var agent: AgentProfile
        var variables: [String: JSONValue] = [:]
        switch request.agent {
        case .stored(let id) where id != AgentProfile.configuredID:
            let record = try await state.agent(id, tenant: tenant)
            let succession = try await state.succession(of: record.definition, id: id, tenant: tenant)
            agent = succession.agent
            variables = succession.variables.merging(record.definition.variables) { $1 }
        case .configured, .stored:
            agent = state.configuration.defaultAgent
        case .inline(let definition):
            let succession = try await state.succession(of: definition, id: nil, tenant: tenant)
            agent = succession.agent
            try await state.check(doorsOf: definition, tenant: tenant)
            variables = succession.variables.merging(definition.variables) { $1 }
        }
        if let prompt = request.prompt { agent = agent.changed { $0.instructions = prompt } }
        if let words = request.firstMessage { agent = agent.changed { $0.firstMessage = words } }
        // A voice is one model's own.
        if let voice = request.voice { agent.voice = voice }
        agent.limits.apply(request.limits)
        try agent.checkOptions()
        variables.merge(request.variables) { $1 }
        if request.needsAllVariables, let missing = agent.placeholders.subtracting(variables.keys).min() {
            throw JSONBody.invalid("variables", "lacks '\(missing)', for which the agent has a placeholder")
        }
        return (agent.filled(with: variables), variables)
    }

    private func start(_ call: OutboundCall) async throws(Problem) -> CallSession {
        guard !state.isDraining else { throw .draining }
        var call = call
        let id = call.id ?? state.identifiers.makeCallID()
        call.id = id
        call.limits.maxDuration = try await admit(id, for: call.limits.maxDuration, isPlaced: true)
        state.traces.adopt(traceParent, for: id)
        do throws(CallManager.Refusal) {
            return try await state.manager.start(call)
        } catch {
            state.traces.forget(id)
            await state.freePlace(of: id)
            throw problem(error)
        }
    }

    /// Admits the call, and returns the longest duration that it may have.
    private func admit(_ id: CallID, for duration: Duration, isPlaced: Bool) async throws(Problem) -> Duration {
        guard !state.store.calls.isBehind else { throw .storeUnavailable }
        guard state.descriptors.hasRoomForCall else {
            state.noteCallRefusedForDescriptors()
            throw Problem(
                .serviceUnavailable,
                .tooManyConnections,
                "The server has no descriptors left for another call: nothing was placed, try again later"
            ).retry(after: 5)
        }
        return try await state.takePlace(for: id, tenant: tenant, isPlaced: isPlaced, duration: duration)
    }

    private func problem(_ refusal: CallManager.Refusal) -> Problem {
        switch refusal {
        case .draining: .draining
        case .full:
            Problem(.tooManyRequests, .tooManyCalls, "Concurrent call limit reached").retry(after: 5)
        case .unsupportedOption(let fault): Problem(fault)
        case .unsupportedFormat:
            Problem(.internalServerError, .internalError, "The agent's audio format cannot be converted")
        case .knownID:
            Problem(.internalServerError, .internalError, "Another live call has this call's name")
        }
    }

    private func problem(_ error: CarrierError, call: CallID) -> Problem {
        // The carrier was not asked.
        if error.code == .notKept { return Problem.storeUnavailable.with("call_id", .string(call.text)) }
        var problem = Problem(.badGateway, .carrierError, "Twilio API error: \(error.message)")
            .with("call_id", .string(call.text))
            .with("carrier_error_code", error.carrierCode.map { JSONValue($0) } ?? .null)
            .with("may_be_placed", .bool(error.code == .noAnswer))
        if let pause = error.retryAfter { problem = problem.retry(after: max(1, pause.wholeMilliseconds / 1000)) }
        return problem
    }
}

extension Problem {
    /// Nothing was placed or stored.
    init(_ fault: AgentOptionFault) {
        self = Problem(.badRequest, .unsupportedOption, fault.description).with("field", .string(fault.field))
    }

    init(_ refusal: CallCaps.Refusal) {
        switch refusal {
        case .tooOften(let seconds):
            self = Problem(.tooManyRequests, .rateLimited, "Too many calls per second").retry(after: seconds)
        case .tooMany:
            self = Problem(.tooManyRequests, .tooManyCalls, "Concurrent call limit reached").retry(after: 5)
        case .minutesUsed(let seconds):
            self = Problem(.tooManyRequests, .quotaExceeded, "Daily minute limit reached").retry(
                after: seconds
            )
        }
    }
}

extension ServerState {
    /// Returns a tenant's agent.
    func agent(_ id: String, tenant: String) async throws(Problem) -> AgentRecord {
        let record: AgentRecord?
        do {
            record = try await agents.find(id, tenant: tenant)
        } catch {
            throw Problem(unexpected: error)
        }
        guard let record else { throw .agentNotFound }
        return record
    }
}
