import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathWire

/// The control API: calls are placed, listed, looked at and ended.
struct ControlRoutes {
    let state: ServerState

    func add(to router: Router<ServerContext>) {
        let keys = Keys(state.configuration.apiKeys, isOpen: state.configuration.isDevelopment)
        let api = router.group("api").add(middleware: KeyMiddleware(keys: keys))
        api.post("calls", use: place)
        api.post("call", use: place)
        api.get("calls", use: list)
        api.post("calls/end", use: endMany)
        api.get("calls/:call_id", use: show)
        api.post("calls/:call_id/end", use: end)
    }

    // MARK: Placing

    @Sendable private func place(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard !state.isDraining else { throw Problem.draining }
        let body = try await request.bytes()
        let order = try PlaceCallRequest(body)
        let placement = CallPlacement(state: state, tenant: context.tenant)
        guard let key = request.headers[.idempotencyKey] else {
            return Self.created(try await placement.place(order).answer.get())
        }
        guard (1...255).contains(key.utf8.count) else {
            throw Problem(.badRequest, .invalidField, "'Idempotency-Key' must have 1 to 255 characters")
        }
        let reply = await state.idempotency.perform(.init(tenant: context.tenant, text: key), body: body) {
            await placement.place(order)
        }
        switch reply {
        case .first(let answer):
            return Self.created(try answer.get())
        case .repeated(let answer):
            var response = Self.created(try answer.get())
            response.headers[.idempotentReplayed] = "true"
            return response
        case .conflict:
            throw Problem(.conflict, .idempotencyConflict, "This 'Idempotency-Key' came with another body before")
        }
    }

    private static func created(_ json: JSONValue) -> Response {
        var response = Response.json(json, status: .created)
        if let id = json["call_id"]?.string { response.headers[.location] = "/api/calls/\(id)" }
        return response
    }

    // MARK: Looking

    @Sendable private func list(_ request: Request, _ context: ServerContext) async throws -> Response {
        let fields: FormParameters
        do {
            fields = try FormParameters(decoding: request.uri.query ?? "")
        } catch {
            throw Problem(.badRequest, .invalidField, "The query cannot be read: \(error)")
        }
        let query = try ListCallsQuery(fields)
        var calls: [CallSnapshot] = []
        if query.state != .ended { calls += await state.manager.active() }
        if query.state != .active { calls += try await state.manager.recent(limit: 10_000) }
        let matching = calls.filter { $0.tenant == context.tenant && query.matches($0) }.prefix(query.limit)
        return .json(["calls": .array(matching.map(\.listJSON)), "count": JSONValue(matching.count)])
    }

    @Sendable private func show(_ request: Request, _ context: ServerContext) async throws -> Response {
        .json(try await call(context).json)
    }

    /// The call of the path, if the tenant may know of it.
    private func call(_ context: ServerContext) async throws -> CallSnapshot {
        let id = CallID(context.parameters.get("call_id") ?? "")
        guard let call = try await state.manager.find(id), call.tenant == context.tenant else {
            throw Problem.callNotFound
        }
        return call
    }

    // MARK: Ending

    @Sendable private func end(_ request: Request, _ context: ServerContext) async throws -> Response {
        let wish = try EndCallRequest(await request.bytes(), limits: state.configuration.limits)
        let id = try await call(context).id
        switch try await state.manager.end(id, wish.request) {
        case .ended(let receipt):
            guard receipt.isSuccess else { throw Self.unconfirmed(receipt) }
            return .json(receipt.json)
        case .endedBefore(let receipt):
            await state.hastenHangUp(receipt)
            var problem = Problem(.conflict, .callAlreadyEnded, "The call has ended before; this is its receipt")
            problem.error = Problem.callNotFound.detail
            throw problem.with("receipt", receipt.json)
        case .unknown:
            throw Problem.callNotFound
        }
    }

    private static func unconfirmed(_ receipt: EndReceipt) -> Problem {
        let message = receipt.step(.hangUp)?.error ?? "the carrier did not confirm the hang-up"
        return Problem(.badGateway, .carrierError, "Twilio API error: \(message)").with("receipt", receipt.json)
    }

    @Sendable private func endMany(_ request: Request, _ context: ServerContext) async throws -> Response {
        let wish = try EndCallsRequest(await request.bytes(), limits: state.configuration.limits)
        let calls = await state.manager.active().filter { $0.tenant == context.tenant && wish.matches($0) }
        let receipts = try await withThrowingTaskGroup(of: (Int, EndReceipt?).self) { group in
            for (position, call) in calls.enumerated() {
                group.addTask {
                    switch try await state.manager.end(call.id, wish.end.request) {
                    case .ended(let receipt), .endedBefore(let receipt): (position, receipt)
                    case .unknown: (position, nil)
                    }
                }
            }
            var receipts = [EndReceipt?](repeating: nil, count: calls.count)
            for try await (position, receipt) in group { receipts[position] = receipt }
            return receipts.compactMap(\.self)
        }
        return .json([
            "success": .bool(receipts.allSatisfy(\.isSuccess)),
            "count": JSONValue(receipts.count),
            "results": .array(receipts.map(\.json)),
        ])
    }
}

extension HTTPField.Name {
    static let idempotencyKey = Self("Idempotency-Key")!
    static let idempotentReplayed = Self("Idempotent-Replayed")!
}
