internal import TalkpathAudio
internal import TalkpathWire

/// Behaviours that affect a response.
extension OpenAIRealtimeModel {
    static let reasoningTime = Duration.seconds(9)

    /// - Returns: whether the behaviour prevents the response. The model then still owes its answer.
    mutating func prevents(_ request: ResponseRequest, _ behaviour: ModelBehaviour, at now: MonotonicInstant) -> Bool {
        switch behaviour {
        case .failedResponse:
            fail(
                request,
                type: "server_error",
                code: "server_error",
                "The server had an error while processing your request. Sorry about that!",
                at: now
            )
        case .rateLimit:
            fail(
                request,
                type: "tokens",
                code: "rate_limit_exceeded",
                "Rate limit reached for gpt-realtime on tokens per min (TPM): Limit 40000, Used 39871, Requested 1200. "
                    + "Please try again in 1.6s.",
                at: now
            )
        case .goAway: perform([.goAway(timeLeft: .milliseconds(100))], at: now)
        case .sideTalk:
            guard request.trigger == .callerTurn else { return false }
            sendEmptyResponse(request, at: now)
        case .slowPong, .lateTranscript, .ignoredNoise, .refusedSettings, .toolCallFirst, .toolCallBetween,
            .brokenArguments, .staleInterrupted, .incompleteResponse, .longReasoning:
            return false
        }
        return true
    }

    private mutating func fail(
        _ request: ResponseRequest,
        type: String,
        code: String,
        _ message: String,
        at now: MonotonicInstant
    ) {
        let id = core.identifier("resp")
        send("response.created", ["response": responseObject(id, "in_progress", output: [], request)])
        let outcome = Outcome.failed(type: type, code: code, message: message)
        finish(id, outcome, [], milliseconds: 0, request, playedAt: now)
        // A repeated request is answered.
        switch request.trigger {
        case .callerTurn: owesCallerAnswer = true
        case .toolResult: owesToolAnswer = true
        case .connect, .request: break
        }
    }
}
