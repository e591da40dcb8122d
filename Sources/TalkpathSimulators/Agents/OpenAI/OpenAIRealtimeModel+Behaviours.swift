internal import TalkpathAudio
internal import TalkpathWire

/// Behaviours that affect a response.
extension OpenAIRealtimeModel {
    static let reasoningTime = Duration.seconds(9)

    /// - Returns: true if the behaviour prevents the response. The model then still owes its answer.
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
        case .writtenAnswer: write(request, at: now)
        case .goAway: perform([.goAway(timeLeft: .milliseconds(100))], at: now)
        case .sideTalk:
            guard request.trigger == .callerTurn else { return false }
            sendEmptyResponse(request, at: now)
        case .slowPong, .lateTranscript, .ignoredNoise, .refusedSettings, .toolCallFirst, .toolCallBetween,
            .brokenArguments, .staleInterrupted, .incompleteResponse, .longReasoning, .cutCall:
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
        keepDebt(of: request)
    }

    /// Writes an answer instead of speaking.
    private mutating func write(_ request: ResponseRequest, at now: MonotonicInstant) {
        let text = "(written)"
        let (id, item, index, _) = openResponse(request, writes: true, at: now)
        send("response.output_text.delta", place(id, item, index, ["delta": .string(text)]))
        send("response.output_text.done", place(id, item, index, ["text": .string(text)]))
        send("response.content_part.done", place(id, item, index, ["part": ["type": "text", "text": .string(text)]]))
        let whole = itemObject(item, status: "completed", text: text, writes: true)
        sendDone(whole, item, response: id, index: index, isBeside: request.isBeside)
        core.report(.answerEnded(item: item, milliseconds: 0, interrupted: false))
        finish(id, .completed, [whole], milliseconds: 0, request, playedAt: now)
        keepDebt(of: request)
    }

    /// A repeated request is answered.
    private mutating func keepDebt(of request: ResponseRequest) {
        switch request.trigger {
        case .callerTurn: owesCallerAnswer = true
        case .toolResult: owesToolAnswer = true
        case .connect, .request: break
        }
    }
}
