import TalkpathWire
import HTTPTypes
import Hummingbird

/// `POST /v1/calls/end`, which two systems share. `id` in the query comes from a Vocode client, a body from a Callab
/// client. A request with neither is a mistake of a Vocode client.
struct CallsEndRoute {
    let callab: CallabRoutes
    let vocode: VocodeRoutes

    func add(to router: Router<ServerContext>, keys: KeyMiddleware) {
        router.group("v1")
            .add(
                middleware: CompatibleProblems(logger: callab.state.logger) { problem, request in
                    Self.isVocodes(request) ? VocodeRoutes.answer(problem) : CallabRoutes.answer(problem)
                }
            )
            .add(middleware: keys)
            .post("calls/end", use: end)
    }

    private static func isVocodes(_ request: Request) -> Bool {
        (try? request.fields())?["id"] != nil
    }

    @Sendable private func end(_ request: Request, _ context: ServerContext) async throws -> Response {
        if Self.isVocodes(request) { return try await vocode.end(request, context) }
        let body = try await request.bytes()
        if body.isEmpty { return VocodeRoutes.answer(.missing("id", in: "query")) }
        return try await callab.end(body, tenant: context.tenant)
    }
}
