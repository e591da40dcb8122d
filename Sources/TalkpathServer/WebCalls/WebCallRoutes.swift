import HTTPTypes
import Hummingbird
import Logging
import TalkpathCore
import TalkpathNIO
import TalkpathWire

/// Calls without a carrier: a page in a browser, or another program, is the caller's telephone.
///
/// `POST /api/web-calls` begins the call and answers with a token. The program opens the call's media socket within a
/// minute and speaks Twilio Media Streams on it, as the carrier would: a `start` message with the token among its
/// `customParameters`, then 8 kHz µ-law in frames of 20 ms. The token is for one socket; without it there is no call.
struct WebCallRoutes {
    private static let mediaPath = "/web-calls/media/"
    /// The caller's number in records and for agents.
    static let caller = "web"

    let state: ServerState

    /// The path of a call's media socket. It names the call, so that the socket comes to the call's lane at once.
    static func mediaPath(of call: CallID) -> String { mediaPath + call.text }

    /// The call that the path of a media socket names; `nil` for other paths.
    static func call(ofMediaPath path: String) -> CallID? {
        guard path.hasPrefix(mediaPath) else { return nil }
        let name = path.dropFirst(mediaPath.count)
        return name.isEmpty || name.contains("/") ? nil : CallID(String(name))
    }

    /// - Parameter api: the routes below `/api`, behind their key.
    func add(to api: RouterGroup<ServerContext>) {
        api.post("web-calls", use: begin)
    }

    @Sendable private func begin(_ request: Request, _ context: ServerContext) async throws -> Response {
        guard !state.isDraining else { throw Problem.draining }
        let callRequest = try CreateCallRequest(webCall: await request.bytesOrEmptyObject())
        let placement = CallPlacement(
            state: state,
            tenant: context.tenant,
            traceParent: request.headers[.traceparent]
        )
        let id = try await placement.begin(webCall: callRequest)
        guard let token = await state.manager.makeStreamToken(for: id) else {
            throw Problem(.serviceUnavailable, .draining, "The call ended before its media socket could be opened")
        }
        var response = Response.json(
            [
                "call_id": .string(id.text),
                "media_path": .string(Self.mediaPath(of: id)),
                "media_url": .optional(state.origin.map { $0.webSocketText + Self.mediaPath(of: id) }),
                "token": .string(token),
                "expires_in_s": JSONValue(Int(CallManager.streamTokenLifetime.components.seconds)),
            ],
            status: .created
        )
        response.headers[.location] = "/api/calls/\(id.text)"
        response.headers[.cacheControl] = "no-store"
        return response
    }
}

// MARK: The document

extension WebCallRoutes {
    static let operations = [
        Operation(
            method: .post,
            path: "/api/web-calls",
            id: "beginWebCall",
            area: "Calls",
            summary: "Begins a call whose telephone is a page in a browser, or another program",
            meaning: """
                No carrier takes part and nothing is dialled. The caller's program opens a WebSocket at `media_path` and \
                speaks Twilio Media Streams on it as the carrier would: `connected`, then `start` with `token` in \
                `customParameters`, then `media` with 8 kHz µ-law in frames of 20 ms. It plays the `media` that it is \
                sent, drops what waits on `clear`, and returns each `mark` when the audio before it was played. `stop`, \
                or the socket's close, hangs up. The call has everything else that calls have: events, record, recording, \
                commands and end.
                """,
            body: .init(schema: .named("WebCallRequest"), isRequired: false),
            answers: [
                .init(
                    status: 201,
                    meaning: "The call waits for its media socket, and ends as `media_lost` if none comes.",
                    contents: [("application/json", .named("WebCall"))],
                    headers: [("Location", .text)]
                ),
                .problem(400, "`malformed_json`; `unsupported_option`: the agent's model does not take `field`."),
                .problem(403, "The agent names a number or an address that is not allowed."),
                .problem(404, "`agent_not_found`."),
                .problem(413, "`body_too_large`."),
                .problem(422, "`unknown_field`, `invalid_field`."),
                .problem(429, "`too_many_calls`, `quota_exceeded`, with `Retry-After`."),
                .problem(503, "`draining`, `too_many_connections`, `store_unavailable`: there is no call."),
            ]
        )
    ]

    static let schemas: [(name: String, schema: Schema)] = [
        ("WebCallRequest", callRequest),
        (
            "WebCall",
            .object(
                .required("call_id", .text),
                .required("media_path", .text.meaning("The path of the media socket, on this server's port.")),
                .required("media_url", .text.orNull.meaning("Its whole address, where the server knows its own.")),
                .required("token", .text.meaning("For one media socket. A secret.")),
                .required("expires_in_s", .integer.meaning("From now on; the token is of no use later."))
            )
        ),
    ]

    static let callRequest = Schema.object(CallSchemas.agentAndLimits)
}
