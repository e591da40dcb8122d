import TalkpathAudio

/// The full path: parses any legal message.
extension OpenAILiveCodec {
    /// The members that are read from the provider's messages.
    static let bounds = JSONBounds(
        keys: [
            "type", "session", "expires_at", "audio", "format", "rate", "delta", "start_ms", "end_ms", "delegation",
            "delegation_id", "id", "target", "event", "item", "status", "call_id", "name", "arguments", "response",
            "usage", "seconds", "reason", "error", "code", "message", "param", "input_tokens", "output_tokens",
            "total_tokens", "input_tokens_details", "cached_tokens",
        ],
        mostValues: 4096
    )

    mutating func receive(parsing message: RawSpan, into events: inout [AgentEvent]) throws(WireError) {
        let json = try JSONValue(parsing: message, within: Self.bounds)
        guard json.object != nil else { throw WireError(.malformedMessage, "not an object") }
        guard let type = json["type"]?.string else { throw WireError(.malformedMessage, "type") }
        switch type {
        case "session.started":
            adopt(json["session"])
            if !isReady, let expiry = json["session"]?["expires_at"]?.count, expiry > 0 {
                events.append(.expires(unixSeconds: expiry))
            }
            events.append(isReady ? .ignored : .ready)
            isReady = true
        case "session.output_audio.delta":
            guard let delta = json["delta"]?.string else { throw WireError(.malformedMessage, "delta") }
            let payload = WirePayload.unescaped(Array(delta.utf8))
            events.append(.audio(AgentAudio(item: Self.track, format: format, payload: payload)))
        case "session.input_transcript.delta":
            let piece = try transcript(json)
            conversation.add(piece.text, by: .user)
            events.append(.callerTranscript(piece))
        case "session.output_transcript.delta":
            let piece = try transcript(json)
            conversation.add(piece.text, by: .assistant)
            events.append(.agentTranscript(piece))
        case "session.delegation.created":
            events.append(try delegation(json["delegation"]).map(AgentEvent.toolCall) ?? .ignored)
        case "response.event":
            try backend(json["event"], into: &events)
        case "session.usage.updated":
            events.append(.sessionBilled(seconds: Self.seconds(json["usage"])))
        case "session.closed":
            closed(json, into: &events)
        case "error":
            events.append(.error(report(json["error"])))
        default:
            events.append(.ignored)
        }
    }

    // MARK: Session

    /// Adopts the audio format that the provider states.
    private mutating func adopt(_ session: JSONValue?) {
        guard let stated = session?["audio"]?["format"] else { return }
        switch (stated["type"]?.string, stated["rate"]?.int) {
        case ("audio/pcmu", _): format = .telephony
        case ("audio/pcma", _): format = .alaw8k
        case ("audio/pcm", 16_000): format = .pcm16k
        case ("audio/pcm", _): format = .pcm24k
        default: return
        }
    }

    private func closed(_ json: JSONValue, into events: inout [AgentEvent]) {
        let reason = json["reason"]?.name ?? "unknown"
        events.append(.sessionClosed(AgentSessionClosing(reason: reason, seconds: Self.seconds(json["usage"]))))
        guard reason != Self.requestedClose else { return }
        events.append(
            .error(
                AgentErrorReport(
                    code: "session_closed",
                    message: "The provider closed the session: \(reason).",
                    isFatal: true,
                    parameter: reason
                )
            )
        )
    }

    /// The reason of a close that we have asked for.
    private static let requestedClose = "close_requested"

    private static func seconds(_ usage: JSONValue?) -> Int {
        // Rounds up the provider's fractions.
        guard let seconds = usage?["seconds"]?.double, seconds > 0 else { return 0 }
        return Int(min(seconds.rounded(.up), 1e9))
    }

    // MARK: Words

    private func transcript(_ json: JSONValue) throws(WireError) -> AgentTranscript {
        guard let text = json["delta"]?.string else { throw WireError(.malformedMessage, "delta") }
        var piece = AgentTranscript(
            item: Self.track,
            text: PeerWords.cut(text, to: PeerWords.longestTranscript),
            isFinal: false
        )
        piece.startMilliseconds = json["start_ms"]?.count
        return piece
    }

    // MARK: Functions

    /// A task that the model hands to the agent itself. Other targets are the provider's.
    private mutating func delegation(_ json: JSONValue?) throws(WireError) -> AgentToolCall? {
        guard json?["target"]?.string == "client" else { return nil }
        guard let id = json?["id"]?.name, !id.isEmpty else { throw WireError(.malformedMessage, "delegation.id") }
        guard calls.delegated(id) else { return nil }
        return AgentToolCall(
            id: id,
            name: delegate ?? Self.unnamedDelegate,
            arguments: conversation.arguments.serializedText()
        )
    }

    /// The name of the function if the agent has none for tasks. The session answers that there is none.
    static let unnamedDelegate = "delegation"

    /// An event of the model that works for the Live model.
    private mutating func backend(_ event: JSONValue?, into events: inout [AgentEvent]) throws(WireError) {
        guard let event, let type = event["type"]?.string else { throw WireError(.malformedMessage, "event.type") }
        switch type {
        case "response.created", "response.in_progress":
            calls.responseBegan(event["response"]?["id"]?.name)
            events.append(.ignored)
        case "response.output_item.done":
            events.append(try functionCall(event["item"]).map(AgentEvent.toolCall) ?? .ignored)
        case "response.completed", "response.incomplete", "response.failed", "response.cancelled":
            if let usage = event["response"]?["usage"], usage.object != nil {
                events.append(.usage(AgentUsage(backend: usage)))
            }
            events.append(calls.responseEnded(event["response"]?["id"]?.name) ? .resultsComplete : .ignored)
        default:
            events.append(.ignored)
        }
    }

    private mutating func functionCall(_ item: JSONValue?) throws(WireError) -> AgentToolCall? {
        // A call that was broken off has another status.
        guard item?["type"]?.string == "function_call", (item?["status"]?.string ?? "completed") == "completed" else {
            return nil
        }
        guard let id = item?["call_id"]?.name, !id.isEmpty else { throw WireError(.malformedMessage, "call_id") }
        guard let name = item?["name"]?.name else { throw WireError(.malformedMessage, "name") }
        guard let arguments = item?["arguments"]?.string else { throw WireError(.malformedMessage, "arguments") }
        guard calls.called(id) else { return nil }
        return AgentToolCall(
            id: id,
            name: name,
            arguments: PeerWords.cut(arguments, to: PeerWords.longestArguments)
        )
    }

    // MARK: Errors

    /// The errors after which the provider does nothing more for this session.
    private static let fatalCodes: Set<String> = [
        "session_expired", "invalid_api_key", "insufficient_quota", "account_deactivated", "billing_hard_limit_reached",
        "model_not_found", "invalid_model", "permission_denied", "unsupported_country_region_territory",
    ]

    private func report(_ error: JSONValue?) -> AgentErrorReport {
        let isLost = error?["code"]?.string.map(Self.fatalCodes.contains) ?? false
        var report = AgentErrorReport(
            code: error?["code"]?.name ?? error?["type"]?.name ?? "unknown",
            message: PeerWords.cut(error?["message"]?.string ?? "", to: PeerWords.longestMessage),
            // Before the session has started, an error means that it will not start.
            isFatal: isLost || !isReady,
            refusesConfiguration: !isReady && !isLost,
            parameter: error?["param"]?.name
        )
        report.retryAfter = error?["message"]?.string.flatMap {
            OpenAIRetry.pause(in: PeerWords.cut($0, to: PeerWords.longestMessage))
        }
        return report
    }
}

extension AgentUsage {
    /// Reads a count of the Responses interface. All of its tokens are text.
    init(backend json: JSONValue) {
        self.init(inputTokens: json["input_tokens"]?.count ?? 0, outputTokens: json["output_tokens"]?.count ?? 0)
        inputTextTokens = inputTokens
        outputTextTokens = outputTokens
        inputCachedTokens = json["input_tokens_details"]?["cached_tokens"]?.count ?? 0
        var total = AgentUsage(inputTokens: inputTokens)
        total.add(AgentUsage(inputTokens: outputTokens))
        totalTokens = json["total_tokens"]?.count ?? total.inputTokens
    }
}
