import TalkpathNIO
import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathWire

/// Live calls for clients that watch them: as one answer, or as a stream if the client asks for one.
struct ActivityRoutes {
    let state: ServerState

    static let streamType = "text/event-stream"

    /// - Parameter api: the routes below `/api`, which need a key.
    func add(to api: RouterGroup<ServerContext>) {
        api.get("activity", use: list)
        api.get("calls/:call_id/activity", use: show)
        api.get("calls/:call_id/listen", use: listen)
    }

    @Sendable private func list(_ request: Request, _ context: ServerContext) async throws -> Response {
        let stream = CallListStream(tenant: context.tenant, state: state)
        guard try wantsStream(request) else {
            return .json(["calls": .array(await stream.calls().map(\.json))])
        }
        return try streaming(context) { try await stream.write(to: &$0) }
    }

    @Sendable private func show(_ request: Request, _ context: ServerContext) async throws -> Response {
        let directory = CallDirectory(state: state, tenant: context.tenant)
        let call = try await directory.call(context.parameters.get("call_id") ?? "")
        guard try wantsStream(request) else {
            let moments = state.activity.moments(of: call.id).map(\.event.momentJSON)
            let watch = await state.manager.session(call.id)?.watch()
            return .json(["call": call.json, "moments": .array(moments), "now": watch?.json ?? .null])
        }
        let stream = CallActivityStream(call: call.id, state: state)
        return try streaming(context) { try await stream.write(to: &$0) }
    }

    @Sendable private func listen(_ request: Request, _ context: ServerContext) async throws -> Response {
        let directory = CallDirectory(state: state, tenant: context.tenant)
        let call = try await directory.call(context.parameters.get("call_id") ?? "")
        guard call.receipt == nil, let session = await state.manager.session(call.id) else {
            throw Problem(
                .conflict,
                .callAlreadyEnded,
                "The call is over: its recording can be listened to, if one was kept"
            )
        }
        let stream = ListeningStream(call: call.id, point: await session.listening(), state: state)
        return try streaming(context) { writer in
            try await stream.write(to: &writer) {
                let event = CallEvent(callID: call.id, at: await session.snapshot().duration, kind: .listenerJoined)
                state.store.recorder.publish(event)
                state.activity.publish(event)
            }
        }
    }

    private func wantsStream(_ request: Request) throws(Problem) -> Bool {
        let offers = ["application/json", Self.streamType]
        guard let type = MediaType.best(of: offers, for: request.headers[.accept]) else {
            throw Problem(.notAcceptable, .invalidField, "There is application/json and \(Self.streamType) here")
        }
        return type == Self.streamType
    }

    private func streaming(
        _ context: ServerContext,
        _ write: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void
    ) throws(Problem) -> Response {
        guard let place = state.followers.take(context.tenant) else {
            throw .tooManyFollowers(state.configuration.maximumFollowersPerTenant)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: Self.streamType + "; charset=utf-8", .cacheControl: "no-store",
                // Tells proxies not to buffer the answer.
                .accelBuffering: "no",
            ],
            // The body holds the tenant's place until it has been written, or cannot be written any more.
            body: ResponseBody { [place] writer in
                defer { withExtendedLifetime(place) {} }
                try await write(&writer)
                try await writer.finish(nil)
            }
        )
    }
}

extension Problem {
    /// The tenant has as many open streams as it may.
    static func tooManyFollowers(_ most: Int) -> Problem {
        Problem(
            .tooManyRequests,
            .tooManyFollowers,
            "You follow \(most) streams of events already: close one first"
        ).retry(after: 5)
    }
}
