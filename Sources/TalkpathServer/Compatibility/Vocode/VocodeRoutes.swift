import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathWire

/// Vocode's routes about calls.
struct VocodeRoutes {
    let state: ServerState

    /// Adds all routes except `POST /v1/calls/end`, which `CallsEndRoute` serves.
    func add(to router: Router<ServerContext>, keys: KeyMiddleware) {
        let group = router.group("v1")
            .add(middleware: CompatibleProblems(logger: state.logger) { problem, _ in Self.answer(problem) })
            .add(middleware: keys)
        group.get("calls", use: show)
        group.get("calls/list", use: list)
        group.post("calls/create", use: create)
        group.get("calls/recording") { request, context in
            guard let id = try request.fields()["id"] else { return Self.answer(.missing("id", in: "query")) }
            return try await RecordingRoute(state: state).recording(of: id, request, context)
        }
    }

    // MARK: Problems

    /// A field that is missing from a request, or wrong.
    struct FieldProblem {
        var field: String
        var place: String
        var message: String
        var type: String

        static func missing(_ field: String, in place: String) -> FieldProblem {
            FieldProblem(field: field, place: place, message: "field required", type: "value_error.missing")
        }
    }

    static func answer(_ problem: FieldProblem) -> Response {
        .json(
            [
                "detail": [
                    [
                        "loc": [.string(problem.place), .string(problem.field)], "msg": .string(problem.message),
                        "type": .string(problem.type),
                    ]
                ]
            ],
            status: .unprocessableContent
        )
    }

    static func answer(_ problem: Problem) -> Response {
        .json(["detail": .string(problem.detail)], status: problem.status)
    }

    private func directory(_ context: ServerContext) -> CallDirectory {
        CallDirectory(state: state, tenant: context.tenant)
    }

    // MARK: Ending

    func end(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard let id = try request.fields()["id"] else { return Self.answer(.missing("id", in: "query")) }
        let call = try await directory(context).call(id)
        switch try await state.manager.end(call.id, EndRequest(.endedByAPI)) {
        case .ended(let receipt):
            guard receipt.isSuccess else { throw ControlRoutes.unconfirmed(receipt) }
        case .endedBefore: break
        case .unknown: throw Problem.callNotFound
        }
        return .json(json(try await directory(context).call(id)))
    }

    // MARK: Showing and listing

    @Sendable private func show(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard let id = try request.fields()["id"] else { return Self.answer(.missing("id", in: "query")) }
        return .json(json(try await directory(context).call(id)))
    }

    @Sendable private func list(_ request: Request, _ context: ServerContext) async throws -> Response {
        let fields = try request.fields()
        guard let number = Self.number(fields["page"] ?? "1", in: 1...1_000_000) else {
            return Self.answer(Self.notANumber("page"))
        }
        guard let size = Self.number(fields["size"] ?? "10", in: 1...1000) else {
            return Self.answer(Self.notANumber("size"))
        }
        let isDescending = fields["sort_desc"].map { ["true", "1", "on", "yes"].contains($0.lowercased()) } ?? false
        let loaded = try await NumberedPage.load(
            CallQuery(),
            from: directory(context),
            number: number,
            size: size,
            first: 1,
            column: fields["sort_column"].flatMap { $0.isEmpty ? nil : $0 },
            ascending: !isDescending,
            isWhole: true
        )
        guard let page = loaded else {
            return Self.answer(
                FieldProblem(field: "sort_column", place: "query", message: "unknown column", type: "value_error")
            )
        }
        return .json([
            "items": .array(page.calls.map { json($0, withAgent: false) }),
            "page": JSONValue(page.number), "size": JSONValue(page.size), "has_more": .bool(page.hasMore(first: 1)),
            "total": JSONValue(page.total), "total_is_estimated": false,
        ])
    }

    private static func number(_ text: String, in range: ClosedRange<Int>) -> Int? {
        Int(text).flatMap { range.contains($0) ? $0 : nil }
    }

    private static func notANumber(_ field: String) -> FieldProblem {
        FieldProblem(field: field, place: "query", message: "value is not a valid integer", type: "type_error.integer")
    }

    private func json(_ call: CallSnapshot, withAgent: Bool = true) -> JSONValue {
        call.vocodeJSON(
            withAgent: withAgent,
            hasAccount: state.configuration.twilio(of: call.tenant) != nil,
            hasRecording: state.configuration.recordings?.recording(of: call.id) != nil
        )
    }

    // MARK: Placing

    @Sendable private func create(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body: JSONValue
        do {
            body = try JSONValue(parsing: try await request.bytes())
        } catch is WireError {
            return Self.answer(
                FieldProblem(field: "__root__", place: "body", message: "no JSON", type: "value_error.jsondecode")
            )
        }
        if let violation = VocodeSchemas.create.violation(of: body) {
            let problem: FieldProblem =
                violation.kind == .missingField
                ? .missing(violation.path, in: "body")
                : FieldProblem(
                    field: violation.path.isEmpty ? "__root__" : violation.path,
                    place: "body",
                    message: violation.message,
                    type: "value_error"
                )
            return Self.answer(problem)
        }
        do throws(CallPlacement.Failure) {
            let placement = CallPlacement(state: state, tenant: context.tenant)
            return .json(json(try await placement.place(callRequest(body))))
        } catch {
            throw error.problem
        }
    }

    private func callRequest(_ body: JSONValue) throws(CallPlacement.Failure) -> CreateCallRequest {
        var callRequest = CreateCallRequest(to: body["to_number"]?.string ?? "")
        callRequest.from = body["from_number"]?.string
        callRequest.variables = AgentDefinition.dictionary(body["context"])
        if let id = body["agent"]?.string {
            callRequest.agent = .stored(id)
        } else if let agent = body["agent"] {
            do throws(Problem) {
                callRequest.agent = .inline(try AgentDefinition(Self.definition(agent)))
            } catch {
                throw CallPlacement.Failure(problem: error)
            }
        }
        if let policy = body["on_no_human_answer"]?.string {
            callRequest.limits = ["machine_detection": "enable", "on_machine": .string(policy)]
        }
        return callRequest
    }

    /// Reads the parts of a Vocode agent that we use: its prompt and its first message.
    private static func definition(_ agent: JSONValue) -> JSONValue {
        var definition: JSONValue = [:]
        let prompt = agent["prompt"]?.string ?? agent["prompt"]?["content"]?.string
        definition.set("name", agent["name"]?.string.flatMap { $0.isEmpty ? nil : .string($0) })
        definition.set("instructions", prompt.map(JSONValue.string))
        definition.set("first_message", agent["initial_message"]?.string.map(JSONValue.string))
        return definition
    }
}
