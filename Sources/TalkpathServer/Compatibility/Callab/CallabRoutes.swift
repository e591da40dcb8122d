import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathWire

/// Callab's routes about calls.
///
/// Errors, except a missing or wrong key, are answered with 200 and an empty body, as Callab documents.
struct CallabRoutes {
    let state: ServerState

    static let defaultReason = "Ended Via API call"

    func add(to router: Router<ServerContext>, keys: KeyMiddleware) {
        let group = router.group()
            .add(middleware: CompatibleProblems(logger: state.logger) { problem, _ in Self.answer(problem) })
            .add(middleware: keys)
        group.post("calls/end") { request, context in
            try await end(await request.bytes(), tenant: context.tenant)
        }
        group.get("v1/calls/query", use: query)
        group.post("v1/calls/make-call", use: makeCall)
        group.get("v1/calls/:id", use: show)
    }

    static func answer(_ problem: Problem) -> Response {
        guard problem.status == .unauthorized else { return Response(status: .ok) }
        return .json(
            ["status": "error", "message": .string(problem.detail), "data": .null],
            status: problem.status
        )
    }

    private static func ok(_ data: JSONValue) -> Response {
        .json(["status": "ok", "message": "ok", "data": data])
    }

    private func json(_ call: CallSnapshot) -> JSONValue {
        let isRecorded = state.configuration.recordings?.recording(of: call.id) != nil
        let address = "\(state.origin?.text ?? "")/api/calls/\(call.id)/recording"
        return call.callabJSON(recordingURL: isRecorded ? address : nil)
    }

    // MARK: Ending

    func end(_ bytes: [UInt8], tenant: String) async throws -> Response {
        let body = try JSONBody(bytes, CallabSchemas.end)
        let reason = body.text("disconnect_reason").flatMap { $0.isEmpty ? nil : $0 } ?? Self.defaultReason
        let call = try await CallDirectory(state: state, tenant: tenant).call(body.text("call_id") ?? "")
        switch try await state.manager.end(call.id, EndRequest(.endedByAPI, note: reason)) {
        case .ended(let receipt) where receipt.isSuccess: return Self.ok("Call Ended")
        case .ended(let receipt): throw ControlRoutes.unconfirmed(receipt)
        case .endedBefore, .unknown: throw Problem.callNotFound
        }
    }

    // MARK: Showing and listing

    @Sendable private func show(_ request: Request, _ context: ServerContext) async throws -> Response {
        let id = context.parameters.get("id") ?? ""
        return Self.ok(json(try await CallDirectory(state: state, tenant: context.tenant).call(id)))
    }

    @Sendable private func query(_ request: Request, _ context: ServerContext) async throws -> Response {
        let fields = try request.fields()
        var calls = CallQuery()
        calls.agentID = Self.given(fields, "ai_agent_id")
        calls.search = Self.given(fields, "search")
        if let word = Self.given(fields, "status") { calls.statuses = [try Self.status(word)] }
        calls.since = try Self.given(fields, "start_date").map { text throws(Problem) in try Self.day(text).begin }
        calls.until = try Self.given(fields, "end_date").map { text throws(Problem) in try Self.day(text).end }
        let page = try Self.number(fields, "page", in: 0...1_000_000) ?? 0
        let size = try Self.number(fields, "per_page", in: 1...1000) ?? 10
        let order = Self.given(fields, "order")?.lowercased() ?? "desc"
        guard order == "asc" || order == "desc",
            let found = try await NumberedPage.load(
                calls,
                from: CallDirectory(state: state, tenant: context.tenant),
                number: page,
                size: size,
                first: 0,
                column: Self.given(fields, "sort_column") ?? "created_at",
                ascending: order == "asc",
                isWhole: true
            )
        else { throw JSONBody.invalid("order", "or 'sort_column' is unknown") }
        return Self.ok(.array(found.calls.map(json)))
    }

    private static func given(_ fields: FormParameters, _ name: String) -> String? {
        fields[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func number(
        _ fields: FormParameters,
        _ name: String,
        in range: ClosedRange<Int>
    ) throws(Problem) -> Int? {
        guard let text = given(fields, name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw JSONBody.invalid(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func status(_ word: String) throws(Problem) -> CallStatus {
        guard let status = CallStatus(rawValue: word.replacing("-", with: "_")) else {
            throw JSONBody.invalid("status", "is unknown")
        }
        return status
    }

    /// Reads a day of UTC, or an instant.
    private static func day(_ text: String) throws(Problem) -> (begin: WallTime, end: WallTime) {
        if let time = WallTime(rfc3339: text) { return (time, time) }
        guard let begin = WallTime(rfc3339: text + "T00:00:00Z") else {
            throw JSONBody.invalid("start_date", "and 'end_date' must be days such as 2026-03-01")
        }
        return (begin, WallTime(milliseconds: begin.milliseconds + 86_400_000))
    }

    // MARK: Placing

    @Sendable private func makeCall(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytes(), CallabSchemas.makeCall)
        var callRequest = CreateCallRequest(to: body.text("call_to") ?? "")
        callRequest.from = body.text("call_from").flatMap { $0.isEmpty ? nil : $0 }
        callRequest.agent = body.text("ai_agent_id").map(CreateCallRequest.Agent.stored) ?? .configured
        for variable in body["dynamic_variables"]?.array ?? [] {
            if let name = variable["name"]?.string { callRequest.variables[name] = variable["value"] ?? .null }
        }
        do throws(CallPlacement.Failure) {
            return Self.ok(json(try await CallPlacement(state: state, tenant: context.tenant).place(callRequest)))
        } catch {
            throw error.problem
        }
    }
}
