import TalkpathAudio

/// The full path: parses any legal message.
extension OpenAIRealtimeCodec {
    /// The members that are read from the provider's messages. A message that echoes a large configuration has
    /// thousands of members, and few of them matter.
    static let bounds = JSONBounds(
        keys: [
            "type", "session", "instructions", "audio", "output", "format", "rate", "audio_start_ms", "audio_end_ms",
            "delta", "transcript", "item_id", "content_index", "item", "call_id", "name", "arguments", "response",
            "status", "status_details", "reason", "usage", "input_tokens", "output_tokens", "total_tokens", "error",
            "code", "message", "param", "event_id", "id", "server_label", "input_token_details",
            "output_token_details", "audio_tokens", "text_tokens", "cached_tokens",
            "cached_tokens_details", "seconds",
        ],
        mostValues: 4096
    )

    mutating func receive(parsing message: RawSpan, into events: inout [AgentEvent]) throws(WireError) {
        let json = try JSONValue(parsing: message, within: Self.bounds)
        guard json.object != nil else { throw WireError(.malformedMessage, "not an object") }
        guard let type = json["type"]?.string else { throw WireError(.malformedMessage, "type") }
        switch type {
        case "session.created":
            adopt(json["session"])
            events.append(.awaitingConfiguration)
        case "session.updated":
            adopt(json["session"])
            // Later ones confirm later updates; the session becomes ready only once.
            events.append(isReady ? .ignored : .ready)
            isReady = true
        case "input_audio_buffer.speech_started":
            let item = json["item_id"]?.string.flatMap { $0.isEmpty ? nil : items.item(named: $0) }
            events.append(.callerSpeechStarted(inputMilliseconds: json["audio_start_ms"]?.count, item: item))
        case "input_audio_buffer.speech_stopped":
            events.append(.callerSpeechEnded(inputMilliseconds: json["audio_end_ms"]?.count))
        case "response.output_audio.delta":
            events.append(try audio(json))
        case "response.output_audio.done":
            events.append(.audioEnded(try item(json)))
        case "response.output_audio_transcript.delta":
            events.append(.agentTranscript(try transcript(json, text: "delta", isFinal: false)))
        case "response.output_audio_transcript.done":
            events.append(.agentTranscript(try transcript(json, text: "transcript", isFinal: true)))
        case "conversation.item.input_audio_transcription.delta":
            events.append(.callerTranscript(try transcript(json, text: "delta", isFinal: false)))
        case "conversation.item.input_audio_transcription.completed":
            events.append(.callerTranscript(try transcript(json, text: "transcript", isFinal: true)))
            if let usage = json["usage"], usage.object != nil {
                events.append(.usage(AgentUsage(openAITranscription: usage)))
            }
        case "conversation.item.input_audio_transcription.failed":
            events.append(.error(report(json["error"], isFatal: false)))
        case "response.created":
            response.began()
            events.append(.responseStarted)
        case "response.output_text.delta", "response.output_text.done":
            response.wrote()
            events.append(.ignored)
        case "response.done":
            try responseDone(json["response"], into: &events)
        case "response.output_item.added":
            rememberFunction(json["item"])
            events.append(.ignored)
        case "response.output_item.done":
            let call = approval(json["item"]) ?? completedCall(json["item"])
            events.append(call.map(AgentEvent.toolCall) ?? .ignored)
        case "response.function_call_arguments.done":
            response.argumentsCame(try toolCall(json))
            events.append(.ignored)
        case "error":
            events.append(.error(report(json["error"])))
        default:
            events.append(.ignored)
        }
    }

    // MARK: Items

    private mutating func item(_ json: JSONValue) throws(WireError) -> AgentItem {
        guard let name = json["item_id"]?.name, !name.isEmpty else { throw WireError(.malformedMessage, "item_id") }
        return items.item(named: name)
    }

    private mutating func audio(_ json: JSONValue) throws(WireError) -> AgentEvent {
        guard let delta = json["delta"]?.string else { throw WireError(.malformedMessage, "delta") }
        let contentIndex: Int
        switch json["content_index"] {
        case nil, .null: contentIndex = 0
        case let value?:
            guard let index = value.int, index >= 0 else { throw WireError(.malformedMessage, "content_index") }
            contentIndex = index
        }
        let item = try item(json)
        items.setContentIndex(contentIndex, of: item)
        response.spoke()
        return .audio(AgentAudio(item: item, format: outputFormat, payload: .unescaped(Array(delta.utf8))))
    }

    private mutating func transcript(
        _ json: JSONValue,
        text field: String,
        isFinal: Bool
    ) throws(WireError) -> AgentTranscript {
        guard let text = json[field]?.string else { throw WireError(.malformedMessage, field) }
        let kept = PeerWords.cut(text, to: PeerWords.longestTranscript)
        return AgentTranscript(item: try item(json), text: kept, isFinal: isFinal)
    }

    // MARK: Session

    /// Adopts the audio format that the provider states, and the instructions that it uses.
    private mutating func adopt(_ session: JSONValue?) {
        if instructions.isEmpty, let own = session?["instructions"]?.string, own.utf8.count <= Self.longestInstructions
        {
            instructions = own
        }
        guard let format = session?["audio"]?["output"]?["format"] else { return }
        switch format["type"]?.string {
        case "audio/pcmu": outputFormat = .telephony
        case "audio/pcma": outputFormat = .alaw8k
        case "audio/pcm": outputFormat = AudioFormat(encoding: .pcm16, sampleRate: format["rate"]?.int ?? 24000)
        default: return
        }
    }

    private static let longestInstructions = 100_000

    // MARK: Responses

    private mutating func responseDone(_ json: JSONValue?, into events: inout [AgentEvent]) throws(WireError) {
        guard let json, let text = json["status"]?.string else {
            throw WireError(.malformedMessage, "response.status")
        }
        guard var status = AgentResponseEnd.Status(rawValue: text) else {
            throw WireError(.malformedMessage, "response.status")
        }
        let isOnlyWritten = status == .completed && response.isOnlyWritten
        events += response.ended(isComplete: status == .completed).map(AgentEvent.toolCall)
        if let usage = json["usage"], usage.object != nil {
            events.append(.usage(AgentUsage(openAI: usage)))
        }
        let details = json["status_details"]
        var reason =
            details?["error"]?["code"]?.name ?? details?["reason"]?.name ?? details?["error"]?["type"]?.name
        if isOnlyWritten {
            status = .failed
            reason = Self.onlyWritten
        }
        let retryAfter = details?["error"].flatMap(Self.pause)
        events.append(.responseEnded(AgentResponseEnd(status: status, reason: reason, retryAfter: retryAfter)))
    }

    /// The reason of a response that has failed because the caller could not hear it.
    static let onlyWritten = "no_audio"

    // MARK: Functions

    private mutating func rememberFunction(_ item: JSONValue?) {
        guard item?["type"]?.string == "function_call", let call = item?["call_id"]?.name,
            let name = item?["name"]?.name
        else { return }
        response.calls(name, in: call)
    }

    /// The call of a function whose item has ended, unless the model has not completed it.
    private mutating func completedCall(_ item: JSONValue?) -> AgentToolCall? {
        guard item?["type"]?.string == "function_call", let call = item?["call_id"]?.name else { return nil }
        return response.itemEnded(call: call, isComplete: item?["status"]?.string != "incomplete")
    }

    private mutating func toolCall(_ json: JSONValue) throws(WireError) -> AgentToolCall {
        guard let call = json["call_id"]?.name else { throw WireError(.malformedMessage, "call_id") }
        let remembered = response.takeName(of: call)
        guard let name = json["name"]?.name ?? remembered else { throw WireError(.malformedMessage, "name") }
        guard let arguments = json["arguments"]?.string else { throw WireError(.malformedMessage, "arguments") }
        let kept = PeerWords.cut(arguments, to: PeerWords.longestArguments)
        return AgentToolCall(id: call, name: name, arguments: kept)
    }

    /// Reads the request to approve a call of an MCP server's tool.
    private mutating func approval(_ item: JSONValue?) -> AgentToolCall? {
        guard let item, item["type"]?.string == "mcp_approval_request", let id = item["id"]?.name,
            approvals.count < 128
        else { return nil }
        approvals.insert(id)
        let arguments = PeerWords.cut(item["arguments"]?.string ?? "", to: PeerWords.longestArguments)
        let question: JSONValue = [
            "server_label": item["server_label"] ?? .null, "name": item["name"] ?? .null,
            "arguments": (try? JSONValue(parsing: arguments)) ?? .string(arguments),
        ]
        return AgentToolCall(id: id, name: AgentToolCall.approvalName, arguments: question.serializedText())
    }

    // MARK: Errors

    /// The errors after which the provider closes the socket or does nothing more for this session.
    private static let fatalCodes: Set<String> = [
        "session_expired", "invalid_api_key", "insufficient_quota", "account_deactivated", "billing_hard_limit_reached",
        "model_not_found", "invalid_model", "permission_denied", "unsupported_country_region_territory",
    ]

    private func report(_ error: JSONValue?) -> AgentErrorReport {
        let isLost = error?["code"]?.string.map(Self.fatalCodes.contains) ?? false
        // The configuration was refused, so its `session.updated` would never come.
        let isRefused = !isReady && (error?["event_id"]?.string == Self.configurationEventID || isOfSession(error))
        var report = report(error, isFatal: isLost || isRefused)
        report.refusesConfiguration = isRefused && !isLost
        report.refusesResponse = isReady && !isLost && !report.isBusy && isOfResponse(error)
        return report
    }

    /// True if the error concerns the configuration. Not every error names the event that it concerns.
    private func isOfSession(_ error: JSONValue?) -> Bool {
        error?["param"]?.string?.hasPrefix("session.") ?? false
    }

    /// True if the error concerns a response. Such errors name no response, and seldom the event that requested it.
    private func isOfResponse(_ error: JSONValue?) -> Bool {
        if error?["param"]?.string?.hasPrefix("response") ?? false { return true }
        let words = [error?["code"]?.string, error?["type"]?.string]
        return words.contains { $0 == "rate_limit_exceeded" || $0 == "server_error" }
    }

    private func report(_ error: JSONValue?, isFatal: Bool) -> AgentErrorReport {
        var report = AgentErrorReport(
            code: error?["code"]?.name ?? error?["type"]?.name ?? "unknown",
            message: PeerWords.cut(error?["message"]?.string ?? "", to: PeerWords.longestMessage),
            isFatal: isFatal,
            isBusy: isBusy(error),
            parameter: error?["param"]?.name
        )
        report.retryAfter = error.flatMap(Self.pause)
        return report
    }

    /// True if the model was speaking already. Some services state no code.
    private func isBusy(_ error: JSONValue?) -> Bool {
        guard let code = error?["code"], !code.isNull else {
            return error?["message"]?.string?.hasPrefix("Conversation already has an active response") ?? false
        }
        return code.string == "conversation_already_has_active_response"
    }

    private static func pause(_ error: JSONValue) -> Duration? {
        error["message"]?.string.flatMap { OpenAIRetry.pause(in: PeerWords.cut($0, to: PeerWords.longestMessage)) }
    }
}
