import TalkpathNIO
import HTTPTypes
import Hummingbird
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// Talkover's routes about calls.
struct TalkoverRoutes {
    let state: ServerState

    func add(to router: Router<ServerContext>, keys: KeyMiddleware) {
        let group = router.group("api/v1")
            .add(middleware: CompatibleProblems(logger: state.logger) { problem, _ in Self.answer(problem) })
            .add(middleware: keys)
        group.post("agents/:agent_id/end-call", use: end)
        group.post("agents/:agent_id/call", use: place)
        group.get("agents/:agent_id/calls", use: list)
        group.get("calls", use: list)
    }

    static func answer(_ problem: Problem) -> Response {
        .json(
            [
                "success": false, "message": .string(problem.detail),
                "code": .string(problem.code.rawValue.uppercased()),
            ],
            status: problem.status
        )
    }

    private func directory(_ context: ServerContext) -> CallDirectory {
        CallDirectory(state: state, tenant: context.tenant)
    }

    private static func agent(_ context: ServerContext) -> String { context.parameters.get("agent_id") ?? "" }

    // MARK: Ending

    private static let notFound = Response.json(
        ["success": false, "message": "Call not found for this agent"],
        status: .notFound
    )
    private static let notActive = Response.json(
        ["success": false, "message": "Call is not active", "code": "CALL_NOT_ACTIVE"],
        status: .conflict
    )

    @Sendable private func end(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytes(), TalkoverSchemas.end)
        let (reference, agent) = (body.text("call_sid") ?? "", Self.agent(context))
        if try await state.delayed.cancel(CallID(reference), tenant: context.tenant, agent: agent) {
            return Self.ended(reference, at: state.bridge.clock.wallTime, reason: .endedByAPI)
        }
        guard let call = try await directory(context).call(anyName: reference), call.agent.id == agent else {
            return Self.notFound
        }
        switch try await state.manager.end(call.id, EndRequest(.endedByAPI)) {
        case .ended(let receipt) where receipt.isSuccess:
            return Self.ended(call.id.text, at: receipt.endedAt, reason: receipt.reason)
        case .ended(let receipt): throw ControlRoutes.unconfirmed(receipt)
        case .endedBefore: return Self.notActive
        case .unknown: return Self.notFound
        }
    }

    private static func ended(_ id: String, at time: WallTime, reason: EndReason) -> Response {
        .json([
            "success": true,
            "data": [
                "id": .string(id), "status": "completed", "ended_at": .time(time),
                "ended_reason": .string(reason.rawValue),
            ],
        ])
    }

    // MARK: Placing

    @Sendable private func place(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytes(), TalkoverSchemas.call)
        var callRequest = CreateCallRequest(to: body.text("to") ?? "")
        callRequest.agent = .stored(Self.agent(context))
        callRequest.variables = body.dictionary("payload")
        callRequest.metadata = body.dictionary("context")
        if body["is_testing"]?.bool == true { callRequest.metadata["is_testing"] = true }
        let placement = CallPlacement(state: state, tenant: context.tenant)
        let call = try await placement.prepare(callRequest)
        if let seconds = body["delay_seconds"]?.int, seconds > 0 {
            guard !state.isDraining else { throw Problem.draining }
            let id = call.id ?? state.identifiers.makeCallID()
            try await state.delayed.add(
                .init(call: id, tenant: context.tenant, request: callRequest),
                agentID: Self.agent(context),
                after: .seconds(seconds)
            )
        } else {
            do throws(CallPlacement.Failure) {
                _ = try await placement.place(call)
            } catch {
                throw error.problem
            }
        }
        return .json([
            "success": true,
            "data": [
                "id": .optional(call.id?.text), "agent_id": .optional(call.agent.id), "to": .string(call.to),
                "status": "initiated", "created_at": .time(state.bridge.clock.wallTime),
            ],
        ])
    }

    // MARK: Showing and listing

    @Sendable private func list(_ request: Request, _ context: ServerContext) async throws -> Response {
        let fields = try request.fields()
        var query = CallQuery()
        query.agentID = context.parameters.get("agent_id")
        let number = Self.number(fields, "page", in: 1...1_000_000) ?? 1
        let size = Self.number(fields, "per_page", in: 1...100) ?? 15
        let loaded = try await NumberedPage.load(
            query,
            from: directory(context),
            number: number,
            size: size,
            first: 1,
            column: nil,
            ascending: false,
            isWhole: false
        )
        guard let page = loaded else { throw Problem.callNotFound }
        return .json([
            "success": true,
            "data": .array(page.calls.map(\.talkoverJSON)),
            "pagination": [
                "current_page": JSONValue(page.number), "last_page": JSONValue(page.pages),
                "per_page": JSONValue(page.size), "total": JSONValue(page.total),
            ],
        ])
    }

    /// Unreadable members count as omitted.
    private static func number(_ fields: FormParameters, _ name: String, in range: ClosedRange<Int>) -> Int? {
        fields[name].flatMap { Int($0) }.map { min(max($0, range.lowerBound), range.upperBound) }
    }
}

extension CallSnapshot {
    fileprivate var talkoverJSON: JSONValue {
        [
            "id": .string(id.text),
            "sid": .optional(carrierCallID),
            "to": .string(to),
            "from": .string(from),
            "direction": .string(direction.rawValue),
            "status": .string(status.talkoverWord),
            "duration": JSONValue((talking.wholeMilliseconds + 500) / 1000),
            "agent": ["id": .optional(agent.id), "name": .optional(agent.name)],
            "created_at": .time(startedAt),
            "updated_at": .time(updatedAt),
        ]
    }

    /// The body of Talkover's webhooks: the event's name, and the call as its lists show it.
    func talkoverMessage(_ event: String) -> JSONValue {
        var data = talkoverJSON
        data.set("ended_at", .time(endedAt))
        data.set("ended_reason", .optional(receipt?.reason.rawValue))
        return ["event": .string(event), "data": data]
    }
}

extension CallStatus {
    var talkoverWord: String {
        switch self {
        case .initiating: "initiated"
        case .inProgress, .ending: "answered"
        case .ringing, .completed, .failed, .busy, .noAnswer, .canceled: rawValue
        }
    }
}
