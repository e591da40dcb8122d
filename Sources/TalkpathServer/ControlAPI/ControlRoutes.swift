import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// The control API's routes that place, list, show and end calls.
struct ControlRoutes {
    let state: ServerState

    /// - Parameter api: the routes below `/api`, which need a key.
    func add(to api: RouterGroup<ServerContext>) {
        api.post("calls", use: place)
        api.post("call", use: place)
        api.get("calls", use: list)
        api.post("calls/end", use: endMany)
        api.get("calls/:call_id", use: show)
        api.delete("calls/:call_id", use: delete)
        api.get("calls/:call_id/transcript", use: transcript)
        api.post("calls/:call_id/end", use: end)
    }

    // MARK: Placing

    @Sendable private func place(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard !state.isDraining else {
            state.instruments.refusedCall(.outbound, .draining)
            throw Problem.draining
        }
        let body = try await request.bytes()
        let callRequest = try CreateCallRequest(body)
        let placement = CallPlacement(
            state: state,
            tenant: context.tenant,
            traceParent: request.headers[.traceparent]
        )
        guard let key = request.headers[.idempotencyKey] else {
            return Self.created(try await placing(callRequest, placement).answer.get())
        }
        guard (1...255).contains(key.utf8.count) else {
            throw Problem(.badRequest, .invalidField, "'Idempotency-Key' must have 1 to 255 characters")
        }
        let reply = try await state.idempotency.perform(.init(tenant: context.tenant, text: key), body: body) {
            await placing(callRequest, placement, as: $0)
        }
        switch reply {
        case .first(let answer):
            return Self.created(try answer.get())
        case .repeated(let answer):
            return Self.replayed(try answer.get())
        case .call(let id):
            guard let call = try await state.manager.find(id) else {
                throw Problem(.conflict, .idempotencyConflict, "The call of this 'Idempotency-Key' has been deleted")
            }
            return Self.replayed(json(call, of: callRequest))
        case .conflict:
            throw Problem(.conflict, .idempotencyConflict, "This 'Idempotency-Key' came with another body before")
        }
    }

    private func placing(
        _ callRequest: CreateCallRequest,
        _ placement: CallPlacement,
        as id: CallID? = nil
    ) async -> Idempotency.Outcome {
        do throws(CallPlacement.Failure) {
            let call = try await placement.place(callRequest, as: id)
            return Idempotency.Outcome(answer: .success(json(call, of: callRequest)), isFinal: true)
        } catch {
            return Idempotency.Outcome(answer: .failure(error.problem), isFinal: error.mayHavePlaced)
        }
    }

    /// The call, preceded by the members that the first clients look for.
    private func json(_ call: CallSnapshot, of callRequest: CreateCallRequest) -> JSONValue {
        let webhookURL = callRequest.publicURL ?? state.origin?.text
        let first: [(key: String, value: JSONValue)] = [
            (key: "success", value: true), (key: "call_id", value: .string(call.id.text)),
            (key: "to", value: .string(call.to)), (key: "webhook_url", value: .optional(webhookURL)),
        ]
        let rest = call.json.object?.filter { $0.key != "call_id" } ?? []
        return .object(first + rest)
    }

    private static func created(_ json: JSONValue) -> Response {
        var response = Response.json(json, status: .created)
        if let id = json["call_id"]?.string { response.headers[.location] = "/api/calls/\(id)" }
        return response
    }

    private static func replayed(_ json: JSONValue) -> Response {
        var response = created(json)
        response.headers[.idempotentReplayed] = "true"
        return response
    }

    // MARK: Showing and listing

    @Sendable private func list(_ request: Request, _ context: ServerContext) async throws -> Response {
        let query = try ListCallsQuery(request.fields())
        let page = try await CallDirectory(state: state, tenant: context.tenant).page(query)
        return .json([
            "calls": .array(page.calls.map(\.listJSON)), "count": JSONValue(page.calls.count),
            "next_cursor": .optional(page.next?.text),
        ])
    }

    @Sendable private func show(_ request: Request, _ context: ServerContext) async throws -> Response {
        .json(try await call(context).json)
    }

    @Sendable private func transcript(_ request: Request, _ context: ServerContext) async throws -> Response {
        let call = try await call(context)
        guard let type = MediaType.best(of: ["application/json", "text/plain"], for: request.headers[.accept]) else {
            throw Problem(.notAcceptable, .invalidField, "A transcript is application/json or text/plain")
        }
        guard type == "text/plain" else {
            return .json([
                "call_id": .string(call.id.text), "transcript": .array(call.transcript.map(\.json)),
            ])
        }
        return .text(call.transcript.map { "\($0.speaker.rawValue): \($0.text)\n" }.joined())
    }

    /// Returns the call in the path, if it belongs to the tenant.
    private func call(_ context: ServerContext) async throws -> CallSnapshot {
        try await CallDirectory(state: state, tenant: context.tenant).call(context.parameters.get("call_id") ?? "")
    }

    // MARK: Deleting

    /// Deletes an ended call: its record and all its data, in the store and in files.
    @Sendable private func delete(_ request: Request, _ context: ServerContext) async throws -> Response {
        let call = try await call(context)
        guard let paths = try await state.store.calls.delete(call.id, tenant: context.tenant) else {
            let reason =
                call.receipt == nil
                ? "The call is going on: end it first"
                : "The call is still to be hung up at the carrier: try again later"
            throw Problem(.conflict, .callActive, reason)
        }
        state.configuration.recordings?.remove(call.id)
        state.activity.delete(call.id)
        // Some files may lie in a folder that was configured earlier.
        StoreUpkeep.remove(paths, state.logger)
        return Response(status: .noContent)
    }

    // MARK: Ending

    @Sendable private func end(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try EndCallRequest(await request.bytesOrEmptyObject(), limits: state.configuration.limits)
        let id = try await call(context).id
        switch try await state.manager.end(id, body.request) {
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

    static func unconfirmed(_ receipt: EndReceipt) -> Problem {
        let message = receipt.step(.hangUp)?.error ?? "the carrier did not confirm the hang-up"
        return Problem(.badGateway, .carrierError, "Twilio API error: \(message)").with("receipt", receipt.json)
    }

    @Sendable private func endMany(_ request: Request, _ context: ServerContext) async throws -> Response {
        let bytes = try await request.bytes()
        let body = try EndCallsRequest(bytes, limits: state.configuration.limits)
        // The other nodes end theirs at the same time.
        async let others = endElsewhere(request, bytes, context)
        let calls = await state.manager.active().filter { $0.tenant == context.tenant && body.matches($0) }
        let receipts = try await withThrowingTaskGroup(of: (Int, EndReceipt?).self) { group in
            for (position, call) in calls.enumerated() {
                group.addTask {
                    switch try await state.manager.end(call.id, body.end.request) {
                    case .ended(let receipt), .endedBefore(let receipt): (position, receipt)
                    case .unknown: (position, nil)
                    }
                }
            }
            var receipts = [EndReceipt?](repeating: nil, count: calls.count)
            for try await (position, receipt) in group { receipts[position] = receipt }
            return receipts.compactMap(\.self)
        }
        let answers = await others
        let results = receipts.map(\.json) + answers.flatMap { $0?["results"]?.array ?? [] }
        let isSuccess = receipts.allSatisfy(\.isSuccess) && answers.allSatisfy { $0?["success"]?.bool == true }
        return .json([
            "success": .bool(isSuccess), "count": JSONValue(results.count), "results": .array(results),
        ])
    }

    /// The answers of the other nodes; `nil` for one that does not answer, whose calls may go on.
    private func endElsewhere(_ request: Request, _ body: [UInt8], _ context: ServerContext) async -> [JSONValue?] {
        guard let nodes = state.nodes, !context.isForwarded else { return [] }
        return await nodes.askOthers(
            .init(
                method: request.method,
                target: request.head.path ?? "",
                headers: request.headers,
                body: body,
                tenant: context.tenant
            )
        )
    }
}

extension HTTPField.Name {
    static let traceparent = Self("traceparent")!
    static let idempotencyKey = Self("Idempotency-Key")!
    static let idempotentReplayed = Self("Idempotent-Replayed")!
}

extension Response {
    static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: .init(string: text))
        )
    }
}
