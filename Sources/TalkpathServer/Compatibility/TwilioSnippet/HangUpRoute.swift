import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathWire

/// `POST /api/hangup`: ends a call by the carrier's name of it, even if this server did not place it.
///
/// It answers like the widely copied request handler for Twilio. The account and token in the body are ignored.
struct HangUpRoute {
    let state: ServerState

    static let path = "/api/hangup"

    func add(to router: Router<ServerContext>, keys: KeyMiddleware) {
        router.group("api")
            .add(middleware: CompatibleProblems(logger: state.logger) { problem, _ in Self.answer(problem) })
            .add(middleware: keys)
            .post("hangup", use: hangUp)
    }

    /// The answer to every method but `POST`.
    static func methodNotAllowed(_ method: HTTPRequest.Method) -> Response {
        var response = Response.text("Method \(method.rawValue) Not Allowed", status: .methodNotAllowed)
        response.headers[.allow] = "POST"
        return response
    }

    private static func answer(_ problem: Problem) -> Response {
        guard problem.status != .unauthorized else { return problem.response }
        return .json(
            ["message": "Failed to hangup outbound call", "error": .string(problem.detail)],
            status: .internalServerError
        )
    }

    @Sendable private func hangUp(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytes(), .openObject(.optional("callSid", .text(0...200))))
        guard let sid = body.text("callSid"), !sid.isEmpty else {
            throw Problem(.badRequest, .missingField, "No callSid provided")
        }
        if let call = try await CallDirectory(state: state, tenant: context.tenant).call(anyName: sid),
            call.carrierCallID == sid
        {
            try await end(call.id)
        } else {
            try await hangUpForeign(sid, tenant: context.tenant)
        }
        return .json(["message": "Succesfully hangup outbound call"])
    }

    private func end(_ id: CallID) async throws {
        switch try await state.manager.end(id, EndRequest(.endedByAPI)) {
        case .ended(let receipt), .endedBefore(let receipt):
            guard receipt.isSuccess else { throw ControlRoutes.unconfirmed(receipt) }
        case .unknown: throw Problem.callNotFound
        }
    }

    /// Hangs up a call that another program placed over the tenant's account. A tenant without an account gets "not
    /// found". So does one that names a live call of another tenant here: the carrier is not asked.
    private func hangUpForeign(_ sid: String, tenant: String) async throws {
        var isOthers = await state.liveCall(carrierCallID: sid) != nil
        if !isOthers { isOthers = await state.nodes?.otherOwner(of: sid) != nil }
        guard TwilioSID.isWellFormed(sid, prefix: "CA"), !isOthers,
            let carrier = state.carriers?.account(of: tenant)
        else { throw Problem.callNotFound }
        do throws(CarrierError) {
            guard try await carrier.hangUp(sid) == .done else {
                throw CarrierError(.refused, Problem.callNotFound.detail)
            }
        } catch {
            throw Problem(.badGateway, .carrierError, error.message)
        }
    }
}
