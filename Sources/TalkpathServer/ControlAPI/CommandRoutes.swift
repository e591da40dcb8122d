import HTTPTypes
import Hummingbird
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The control API's routes for live calls.
struct CommandRoutes {
    let state: ServerState

    /// - Parameter api: the routes below `/api`, which need a key.
    func add(to api: RouterGroup<ServerContext>) {
        api.post("calls/:call_id/say", use: say)
        api.post("calls/:call_id/messages", use: message)
        api.post("calls/:call_id/dtmf", use: digits)
        api.post("calls/:call_id/mute") { try await mute($0, $1, true) }
        api.post("calls/:call_id/unmute") { try await mute($0, $1, false) }
        api.post("calls/:call_id/transfer", use: transfer)
        api.patch("calls/:call_id", use: change)
    }

    // MARK: Talking

    @Sendable private func say(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytes(), CommandSchemas.say)
        switch (body.text("text"), body.text("audio")) {
        case (let text?, nil):
            return try await answer(context) { session throws(CallCommandError) in
                let said = try await session.say(text)
                return [("text", .string(said.text)), ("cut", .bool(said.wasCut))]
            }
        case (nil, let audio?):
            guard let bytes = Self.bytes(base64: audio) else { throw JSONBody.invalid("audio", "must be base64") }
            return try await answer(context) { session throws(CallCommandError) in
                let played = try await session.play(AudioClip(wav: bytes))
                return [("heard_ms", JSONValue(played.heardMilliseconds)), ("cut", .bool(played.wasCut))]
            }
        case (nil, nil), (_?, _?):
            throw Problem(.unprocessableContent, .invalidField, "Give either 'text' or 'audio'")
        }
    }

    private static func bytes(base64 text: String) -> [UInt8]? {
        let source = Array(text.utf8)
        var bytes = [UInt8](repeating: 0, count: Base64.decodedCount(of: source.span.bytes))
        var target = bytes.mutableSpan
        guard let count = try? Base64.decode(source.span.bytes, into: &target) else { return nil }
        return Array(bytes.prefix(count))
    }

    @Sendable private func message(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytes(), CommandSchemas.message)
        return try await answer(context) { session throws(CallCommandError) in
            try await session.send(
                message: body.text("text") ?? "",
                as: body.text("role").flatMap(MessageAuthor.init) ?? .caller,
                isAnswered: body["respond"]?.bool ?? false
            )
            return []
        }
    }

    @Sendable private func digits(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytes(), CommandSchemas.digits)
        return try await answer(context) { session throws(CallCommandError) in
            try await session.sendDigits(body.text("digits") ?? "")
            return []
        }
    }

    private func mute(_ request: Request, _ context: ServerContext, _ isMuted: Bool) async throws -> Response {
        let body = try JSONBody(await request.bytes(), CommandSchemas.leg)
        let leg = body.text("leg").flatMap(CallLeg.init) ?? .caller
        return try await answer(context) { session throws(CallCommandError) in
            if isMuted { try await session.mute(leg) } else { try await session.unmute(leg) }
            return [("leg", .string(leg.rawValue)), ("muted", .bool(isMuted))]
        }
    }

    // MARK: Changing

    @Sendable private func change(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytes(), CommandSchemas.change)
        var change = AgentChange()
        change.instructions = body.text("instructions")
        change.voice = body.text("voice")
        if let options = body["openai"] { change.openAI = OpenAIOptions(json: options) }
        if let options = body["gemini"] { change.gemini = GeminiOptions(json: options) }
        change.raw = body["raw"]
        let fields = change.fields
        guard !fields.isEmpty else {
            throw Problem(
                .unprocessableContent,
                .invalidField,
                "Name at least one member to change: \(CommandSchemas.changeNames)"
            )
        }
        let session = try await session(context)
        do throws(AgentOptionFault) {
            try await session.presentAgent.check(change)
        } catch {
            throw Problem(error)
        }
        return try await answer(context) { session throws(CallCommandError) in
            try await session.change(change)
            return [("changed", .array(fields.map(JSONValue.string)))]
        }
    }

    // MARK: Transfer

    @Sendable private func transfer(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytes(), CommandSchemas.transfer)
        let to = body.text("to") ?? ""
        let session = try await session(context)
        try state.check(destination: to)
        if let from = body.text("from") {
            let call = await session.snapshot()
            try await state.check(callerID: from, tenant: context.tenant, or: [call.from, call.to])
        }
        let mode = try EndCallRequest(body, limits: session.agent.limits).request.mode
        let plan = try TransferFailurePlan(body.value)
        do throws(CallCommandError) {
            let outcome = try await session.transfer(
                TransferRequest(
                    to: to,
                    callerID: body.text("from"),
                    ringTimeout: .seconds(body["ring_timeout_s"]?.int ?? 30),
                    mode: body["mode"] == nil ? .drain(timeout: session.agent.limits.drainTimeout) : mode,
                    onFailure: plan
                )
            )
            return .json(["success": true, "call_id": .string(session.id.text), "outcome": .string(outcome.rawValue)])
        } catch {
            throw Problem(error)
        }
    }

    // MARK: The call

    /// Returns the session of the call in the path.
    private func session(_ context: ServerContext) async throws -> CallSession {
        let directory = CallDirectory(state: state, tenant: context.tenant)
        let call = try await directory.call(context.parameters.get("call_id") ?? "")
        guard call.receipt == nil, let session = await state.manager.session(call.id) else {
            let problem = Problem(CallCommandError(.notLive, "The call is over"))
            throw call.receipt.map { problem.with("receipt", $0.json) } ?? problem
        }
        return session
    }

    private func answer(
        _ context: ServerContext,
        _ work: (CallSession) async throws(CallCommandError) -> [(key: String, value: JSONValue)]
    ) async throws -> Response {
        let session = try await session(context)
        do throws(CallCommandError) {
            let more = try await work(session)
            return .json(
                .object([(key: "success", value: true), (key: "call_id", value: .string(session.id.text))] + more)
            )
        } catch {
            throw Problem(error)
        }
    }
}

extension Problem {
    init(_ error: CallCommandError) {
        switch error.code {
        case .notLive: self.init(.conflict, .callAlreadyEnded, error.message)
        case .notAnswered: self.init(.conflict, .notAnswered, error.message)
        case .agentNotReady: self.init(.conflict, .agentNotReady, error.message)
        case .busy: self.init(.conflict, .busy, error.message)
        case .agentSilent: self.init(.badGateway, .agentSilent, error.message)
        case .invalidNumber: self.init(.unprocessableContent, .invalidNumber, error.message)
        case .invalidDigits, .invalidClip, .invalidText:
            self.init(.unprocessableContent, .invalidField, error.message)
        case .notChangeable: self.init(.badRequest, .unsupportedOption, error.message)
        case .transferFailed:
            self = Problem(.conflict, .transferFailed, "The transfer failed: \(error.message)")
                .with("outcome", .optional(error.transferOutcome?.rawValue))
        case .noCarrier: self.init(.conflict, .notPossibleNow, error.message)
        case .carrierError: self.init(.badGateway, .carrierError, "Twilio API error: \(error.message)")
        default: self.init(.conflict, .notPossibleNow, error.message)
        }
    }
}
