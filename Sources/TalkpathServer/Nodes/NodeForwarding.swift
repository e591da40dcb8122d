import HTTPTypes
import Hummingbird
import NIOCore
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire

extension Nodes {
    /// Answers a request about a call that another node has: with that node's own answer. All other requests are
    /// answered here. A request that was forwarded never comes here: there is one hop.
    ///
    /// - Parameter isHere: true if this node has a live call, by our name or the carrier's.
    func route(
        _ request: Request,
        _ context: ServerContext,
        isHere: (String) -> Bool,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var request = request
        guard let reference = try await Self.reference(&request, context), !isHere(reference),
            let owner = await otherOwner(of: reference), owner.tenant == context.tenant
        else { return try await next(request, context) }
        return try await pass(&request, context, to: owner, next: next)
    }

    /// Sends a request to the node that has its call. What another node does not answer because it has died, this one
    /// answers from the store.
    func pass(
        _ request: inout Request,
        _ context: ServerContext,
        to owner: CallOwner,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let body = try await request.bytes()
        request.body = RequestBody(buffer: ByteBuffer(bytes: body))
        let question = NodeClient.Question(
            method: request.method,
            target: request.head.path ?? "",
            headers: request.headers,
            body: body,
            tenant: context.tenant
        )
        if let answer = try await forward(question, to: owner) { return answer }
        return try await next(request, context)
    }

    /// The members of compatible requests that name a call.
    private static let names = ["call_id", "callId", "callSid", "call_sid", "id"]

    /// The call that a request names: in its path, or where it came by a compatible route, in its query or its body.
    private static func reference(_ request: inout Request, _ context: ServerContext) async throws -> String? {
        if let call = context.parameters.get("call_id") { return call }
        let path = request.uri.path
        guard !path.hasPrefix("/api/") || path == HangUpRoute.path else { return nil }
        if let call = context.parameters.get("id") { return call }
        if let fields = try? request.fields(), let call = names.compactMap({ fields[$0] }).first { return call }
        guard request.method == .post else { return nil }
        let body = try await request.bytes()
        request.body = RequestBody(buffer: ByteBuffer(bytes: body))
        guard let json = try? JSONValue(parsing: body), json.object != nil else { return nil }
        return names.lazy.compactMap { json[$0]?.string }.first
    }
}

/// Brings the carrier's requests to the node that has their call, which checks their signature.
struct CarrierForwarding: RouterMiddleware {
    let nodes: Nodes
    let state: ServerState

    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        if let forwarded = try await nodes.admit(request) { return try await once(forwarded.request, context, next) }
        // A request without a signature is refused here: only the carrier can make this node ask others.
        guard state.configuration.isDevelopment || request.headers[.twilioSignature] != nil else {
            return try await next(request, context)
        }
        var request = request
        let body = try await request.bytes()
        request.body = RequestBody(buffer: ByteBuffer(bytes: body))
        let form = (try? FormParameters(decoding: body)) ?? [:]
        let query = (try? FormParameters(decoding: request.uri.query ?? "")) ?? [:]
        for reference in [query["call_id"], form["CallSid"]].compactMap(\.self) {
            if state.isHere(reference) { break }
            guard let owner = await nodes.otherOwner(of: reference) else { continue }
            return try await nodes.pass(&request, context, to: owner) { try await once($0, $1, next) }
        }
        do {
            return try await next(request, context)
        } catch let other as AnnouncedElsewhere {
            return try await nodes.pass(&request, context, to: other.owner) { try await once($0, $1, next) }
        }
    }

    /// Answers here, after other nodes have had their turn.
    private func once(
        _ request: Request,
        _ context: ServerContext,
        _ next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch is AnnouncedElsewhere {
            throw Problem.nodeUnreachable
        }
    }
}

/// Two nodes were told of one inbound call at the same moment, and the other one has the call.
struct AnnouncedElsewhere: Error {
    var owner: CallOwner
}

extension ServerState {
    /// True if this node has a call.
    /// - Parameter reference: our name of the call, or the carrier's.
    func isHere(_ reference: String) -> Bool {
        manager.directory.contains(CallID(reference)) || manager.directory.call(carrierCallID: reference) != nil
    }

    /// A tenant's live calls on all nodes. Those of other nodes come from the store: without transcripts, and with what
    /// was known when their state last changed.
    func liveCalls(tenant: String) async -> [CallSnapshot] {
        let own = await manager.active().filter { $0.tenant == tenant }
        guard nodes != nil, let others = try? await callsElsewhere(tenant: tenant), !others.isEmpty else { return own }
        let known = Set(own.map(\.id))
        return (own + others.filter { !known.contains($0.id) })
            .sorted { ($0.startedAt, $0.id.text) < ($1.startedAt, $1.id.text) }
    }

    /// The live calls of other nodes, with the time that has passed since they began.
    func callsElsewhere(tenant: String) async throws -> [CallSnapshot] {
        let now = bridge.clock.wallTime
        return try await store.calls.liveCallsElsewhere(tenant: tenant).map { call in
            var call = call
            call.duration = .milliseconds(max(0, now.milliseconds - call.startedAt.milliseconds))
            return call
        }
    }
}

extension ResponseBody {
    /// The whole body, as a node's answer to another node.
    func collected() async throws -> [UInt8] {
        let writer = CollectingWriter()
        try await write(writer)
        return writer.bytes
    }

    private final class CollectingWriter: ResponseBodyWriter {
        var bytes: [UInt8] = []
        func write(_ buffer: ByteBuffer) async throws { bytes += buffer.readableBytesView }
        func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}
