import HTTPTypes
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathWire

/// Places a call for a tenant, within what is allowed.
struct CallPlacement {
    let state: ServerState
    let tenant: String

    /// - Returns: the call, or why there is none, and whether the carrier may have been asked.
    func place(_ order: PlaceCallRequest) async -> Idempotency.Outcome {
        let session: CallSession
        do throws(Problem) {
            session = try await start(order)
        } catch {
            return Idempotency.Outcome(answer: .failure(error), isFinal: false)
        }
        switch await session.waitForPlacement() {
        case .failure(let error):
            // A second attempt after an order whose fate nobody knows could ring a second time.
            let mayHavePlaced = error.code == .noAnswer
            return Idempotency.Outcome(answer: .failure(problem(error, call: session.id)), isFinal: mayHavePlaced)
        case .success, nil:
            let json = Self.json(await session.snapshot(), order, origin: state.origin)
            return Idempotency.Outcome(answer: .success(json), isFinal: true)
        }
    }

    private func start(_ order: PlaceCallRequest) async throws(Problem) -> CallSession {
        let call = try call(order)
        guard state.hasCarrier else {
            throw Problem(.serviceUnavailable, .carrierNotConfigured, "No carrier is configured to place calls with")
        }
        guard !state.isDraining else { throw .draining }
        if let seconds = state.rateLimit.take(for: tenant, at: state.bridge.clock.now) {
            throw Problem(.tooManyRequests, .rateLimited, "Too many calls per second").retry(after: seconds)
        }
        do throws(CallManager.Refusal) {
            return try await state.manager.start(call)
        } catch {
            throw problem(error)
        }
    }

    private func problem(_ refusal: CallManager.Refusal) -> Problem {
        switch refusal {
        case .draining: .draining
        case .full:
            Problem(.tooManyRequests, .tooManyCalls, "As many calls as are allowed are going on").retry(after: 5)
        case .unsupportedFormat:
            Problem(.internalServerError, .internalError, "The agent's audio format cannot be converted")
        }
    }

    private func call(_ order: PlaceCallRequest) throws(Problem) -> OutboundCall {
        try check(order.to)
        if let from = order.from, !PhoneNumber.isE164(from) {
            throw Problem(.unprocessableContent, .invalidNumber, "'from' must be a number in E.164")
        }
        if let address = order.webhookURL, state.origin(address) == nil {
            throw JSONBody.invalid(
                "webhook_url",
                "must be an https address without query at which this server is reached"
            )
        }
        var agent = state.configuration.agent
        if let prompt = order.prompt { agent.instructions = prompt }
        if let voice = order.voice { agent.voice = voice }
        if let words = order.firstMessage { agent.firstMessage = words }
        var limits = state.configuration.limits
        if let duration = order.maxDuration { limits.maxDuration = duration }
        if let timeout = order.ringTimeout { limits.ringTimeout = timeout }
        if let wish = order.capture, !wish.isNothing, state.configuration.recordings == nil {
            throw JSONBody.invalid("capture", "nothing can be kept here: \(Setting.recordings.rawValue) is not set")
        }
        var call = OutboundCall(
            from: order.from ?? state.configuration.twilio?.fromNumber ?? "",
            to: order.to,
            agent: agent,
            limits: limits,
            metadata: order.metadata,
            publicURL: order.webhookURL,
            tenant: tenant
        )
        call.capture = order.capture
        return call
    }

    private func check(_ number: String) throws(Problem) {
        switch state.destinations.verdict(on: number) {
        case .allowed: return
        case .malformed:
            throw Problem(
                .unprocessableContent,
                .invalidNumber,
                "'to' must be a number in E.164, such as +14155550100"
            )
        case .emergency:
            throw Problem(.forbidden, .emergencyNumber, "Emergency numbers are never called")
        case .notAllowed:
            throw Problem(.forbidden, .destinationNotAllowed, "This destination is not on the list of allowed ones")
        }
    }

    private func problem(_ error: CarrierError, call: CallID) -> Problem {
        var problem = Problem(.badGateway, .carrierError, "Twilio API error: \(error.message)")
            .with("call_id", .string(call.text))
        if let pause = error.retryAfter { problem = problem.retry(after: max(1, pause.wholeMilliseconds / 1000)) }
        return problem
    }

    private static func json(_ call: CallSnapshot, _ order: PlaceCallRequest, origin: PublicOrigin?) -> JSONValue {
        let first: [(key: String, value: JSONValue)] = [
            (key: "success", value: true), (key: "call_id", value: .string(call.id.text)),
            (key: "to", value: .string(call.to)),
            (key: "webhook_url", value: .optional(order.webhookURL ?? origin?.text)),
        ]
        let rest = call.json.object?.filter { $0.key != "call_id" } ?? []
        return .object(first + rest)
    }
}
