import HTTPTypes
import Hummingbird
import NIOCore
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire

/// Routes for events: a call's events as they happen, a tenant's webhooks, and failed deliveries.
struct NotificationRoutes {
    let state: ServerState

    private static let mostWebhooks = 20

    func add(to router: Router<ServerContext>) {
        let api = router.group("api").add(middleware: KeyMiddleware(state)).add(middleware: QueryMiddleware())
        api.get("calls/:call_id/events", use: follow)
        api.get("webhooks", use: listWebhooks)
        api.post("webhooks", use: addWebhook)
        api.get("webhooks/:webhook_id", use: showWebhook)
        api.delete("webhooks/:webhook_id", use: deleteWebhook)
        api.post("webhooks/:webhook_id/rotate", use: rotateSecret)
        api.get("events/dead", use: listDead)
        api.post("events/dead/replay", use: replay)
    }

    private var store: SQLCallStore { state.store.calls }
    private var now: WallTime { state.bridge.clock.wallTime }

    // MARK: A call's events

    @Sendable private func follow(_ request: Request, _ context: ServerContext) async throws -> Response {
        let id = CallID(context.parameters.get("call_id") ?? "")
        guard let call = try await state.manager.find(id), call.tenant == context.tenant else {
            throw Problem.callNotFound
        }
        var last: Int64 = 0
        if let text = request.headers[.lastEventID], !text.isEmpty {
            guard let number = Int64(text), number >= 0 else {
                throw Problem(.badRequest, .invalidField, "'Last-Event-ID' must be one that was sent here")
            }
            last = number
        }
        guard let place = state.followers.take(context.tenant) else {
            throw Problem.tooManyFollowers(state.configuration.maximumFollowersPerTenant)
        }
        let stream = EventStream(call: id, after: last, store: store, bells: state.store.recorder.bells)
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store",
                // Tells proxies not to buffer the answer.
                .accelBuffering: "no",
            ],
            // The body holds the tenant's place until it has been written, or cannot be written any more.
            body: ResponseBody { [place] writer in
                defer { withExtendedLifetime(place) {} }
                try await stream.write(to: &writer)
                try await writer.finish(nil)
            }
        )
    }

    // MARK: Webhooks

    /// A webhook, with the results of its deliveries.
    private func shown(_ endpoint: Endpoint) -> JSONValue {
        var json = endpoint.json
        for member in state.dispatcher.health(of: endpoint.id).json { json.set(member.key, member.value) }
        return json
    }

    @Sendable private func listWebhooks(_ request: Request, _ context: ServerContext) async throws -> Response {
        let endpoints = try await store.endpoints(tenant: context.tenant)
        return .json(["webhooks": .array(endpoints.map(shown)), "count": JSONValue(endpoints.count)])
    }

    @Sendable private func addWebhook(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try WebhookRequest(await request.bytes())
        let url: OutboundURL
        do throws(OutboundAddressError) {
            url = try state.addressPolicy.parse(body.url)
            guard url.scheme == .https || url.scheme == .http else {
                throw OutboundAddressError.malformed("must begin with https://")
            }
            _ = try await state.addressPolicy.addresses(of: url)
        } catch {
            throw JSONBody.invalid("url", error.message)
        }
        guard try await store.endpoints(tenant: context.tenant).count < Self.mostWebhooks else {
            throw Problem(.conflict, .invalidField, "There are \(Self.mostWebhooks) webhooks already: delete one first")
        }
        let endpoint = Endpoint(
            id: "wh_" + SecureRandom.token(),
            tenant: context.tenant,
            agentID: body.agentID,
            kind: .webhook,
            url: url.text,
            secret: body.secret ?? WebhookSecret.make(),
            types: body.types,
            format: body.format,
            createdAt: now
        )
        try await store.putEndpoint(endpoint)
        state.dispatcher.refresh()
        // The secret is shown only here.
        var json = shown(endpoint)
        json.set("secret", .string(endpoint.secret))
        var response = Response.json(json, status: .created)
        response.headers[.location] = "/api/webhooks/\(endpoint.id)"
        return response
    }

    @Sendable private func showWebhook(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard let endpoint = try await store.endpoint(context.parameters.get("webhook_id") ?? ""),
            endpoint.tenant == context.tenant
        else { throw Self.unknownWebhook }
        return .json(shown(endpoint))
    }

    @Sendable private func deleteWebhook(_ request: Request, _ context: ServerContext) async throws -> Response {
        let id = context.parameters.get("webhook_id") ?? ""
        guard try await store.deleteEndpoint(id, tenant: context.tenant) else { throw Self.unknownWebhook }
        state.dispatcher.forget(id)
        state.dispatcher.refresh()
        return Response(status: .noContent)
    }

    /// Body: `{"secret"?, "overlap_s"?}`.
    @Sendable private func rotateSecret(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytesOrEmptyObject(), NotificationSchemas.rotation)
        let secret = try WebhookRequest.secret(body) ?? WebhookSecret.make()
        let overlap = Int64(body["overlap_s"]?.int ?? NotificationSchemas.usualOverlap) * 1000
        let endpoint = try await store.replaceSecret(
            of: context.parameters.get("webhook_id") ?? "",
            tenant: context.tenant,
            with: secret,
            keepingEarlierUntil: WallTime(milliseconds: now.milliseconds + overlap)
        )
        guard let endpoint else { throw Self.unknownWebhook }
        // The secret is shown only here.
        var json = shown(endpoint)
        json.set("secret", .string(endpoint.secret))
        return .json(json)
    }

    private static let unknownWebhook = Problem(.notFound, .notFound, "Webhook not found")

    // MARK: Failed deliveries

    @Sendable private func listDead(_ request: Request, _ context: ServerContext) async throws -> Response {
        let fields = try request.fields()
        var limit = 100
        if let text = fields["limit"] {
            guard let number = Int(text), (1...1000).contains(number) else {
                throw JSONBody.invalid("limit", "must be a whole number from 1 to 1000")
            }
            limit = number
        }
        var before: Int64?
        if let text = fields["before"] {
            guard let number = Int64(text) else { throw JSONBody.invalid("before", "must be a 'delivery_id'") }
            before = number
        }
        let dead = try await store.deadDeliveries(tenant: context.tenant, limit: limit, before: before)
        return .json(["deliveries": .array(dead.map(\.json)), "count": JSONValue(dead.count)])
    }

    /// Body: `{"delivery_id": n}` or `{"all": true}`.
    @Sendable private func replay(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytes(), NotificationSchemas.replay)
        let id = body["delivery_id"]?.int
        guard (id != nil) != (body["all"]?.bool ?? false) else {
            throw Problem(.unprocessableContent, .invalidField, "Give either \"all\": true or which 'delivery_id'")
        }
        let count = try await store.replayDelivery(id.map(Int64.init), tenant: context.tenant)
        guard id == nil || count > 0 else { throw Problem(.notFound, .notFound, "Dead delivery not found") }
        state.dispatcher.refresh()
        return .json(["success": true, "count": JSONValue(count)])
    }
}

/// The body of `POST /api/webhooks`.
private struct WebhookRequest {
    var url: String
    var secret: String?
    var types: [String]?
    var agentID: String?
    var format: WebhookFormat

    init(_ bytes: [UInt8]) throws(Problem) {
        let body = try JSONBody(bytes, NotificationSchemas.order)
        url = body.text("url") ?? ""
        secret = try Self.secret(body)
        agentID = body.text("agent_id")
        format = body.text("format").flatMap(WebhookFormat.init) ?? .standard
        types = body["events"]?.array?.compactMap(\.string)
    }

    static func secret(_ body: JSONBody) throws(Problem) -> String? {
        guard let secret = body.text("secret") else { return nil }
        guard WebhookSecret(secret) != nil else {
            throw JSONBody.invalid("secret", "must be whsec_ and base64 of 24 to 64 bytes")
        }
        return secret
    }
}

extension Endpoint {
    /// The endpoint without its secret.
    fileprivate var json: JSONValue {
        [
            "webhook_id": .string(id),
            "url": .string(url),
            "events": types.map { .array($0.map(JSONValue.string)) } ?? .null,
            "agent_id": .optional(agentID),
            "format": .string(format.rawValue),
            "active": .bool(stopped == nil),
            "stopped_because": .optional(stopped),
            "earlier_secret_until": .time(earlier?.until),
            "created_at": .time(createdAt),
        ]
    }
}

extension Delivery {
    fileprivate var json: JSONValue {
        [
            "delivery_id": JSONValue(Int(id)),
            "webhook_id": .string(endpointID),
            "attempts": JSONValue(attempts),
            "failed_at": .time(diedAt),
            "failure": .optional(failure),
            "event_id": .string(event.id),
            "event": event.json,
        ]
    }
}

extension HTTPField.Name {
    static let lastEventID = Self("Last-Event-ID")!
    static let accelBuffering = Self("X-Accel-Buffering")!
}
