import TalkpathAudio

/// Text messages of the agent.
extension AgentSocketCodec {
    /// The members that are read; a function's arguments are kept whole.
    static let bounds = JSONBounds(
        keys: [
            "type", "input_format", "output_format", "encoding", "sample_rate", "resume", "caller_turns", "response",
            "status", "reason", "name", "speaker", "text", "final", "turn", "id", "ids", "drain", "code", "message",
            "fatal", "time_left_ms",
        ],
        whole: ["arguments"],
        mostValues: 4096
    )

    mutating func receive(parsing message: RawSpan, into events: inout [AgentEvent]) throws(WireError) {
        let json = try JSONValue(parsing: message, within: Self.bounds)
        guard json.object != nil else { throw WireError(.malformedMessage, "not an object") }
        guard let type = json["type"]?.name else { throw WireError(.malformedMessage, "type") }
        // Works on a copy until the whole message is understood, so that an error changes nothing.
        var after = self
        var found: [AgentEvent] = []
        try after.read(type, json, &found)
        self = after
        events += found.isEmpty ? [.ignored] : found
    }

    private mutating func read(
        _ type: String,
        _ json: JSONValue,
        _ events: inout [AgentEvent]
    ) throws(WireError) {
        switch type {
        case "ready": try readReady(json, &events)
        case "error": events.append(.error(try Self.report(json)))
        case "response_start", "response_end", "interrupt", "mark", "transcript", "tool_call", "tool_cancel", "end",
            "going_away":
            guard isReady else { throw WireError(.malformedMessage, "\(type) before ready") }
            try readAfterReady(type, json, &events)
        default: events.append(.ignored)
        }
    }

    private mutating func readAfterReady(
        _ type: String,
        _ json: JSONValue,
        _ events: inout [AgentEvent]
    ) throws(WireError) {
        switch type {
        case "response_start": try beginResponse(json, &events)
        case "response_end": try endResponse(json, &events)
        case "interrupt":
            endOpenResponse(.cancelled, reason: "interrupted", &events)
            // Before the end, so that nothing of the response is heard any more.
            events.insert(.interrupted, at: 0)
        case "mark": events.append(.mark(try Self.requiredName("name", json)))
        case "transcript": try readTranscript(json, &events)
        case "tool_call": events.append(.toolCall(try Self.toolCall(json)))
        case "tool_cancel":
            guard let ids = json["ids"]?.array else { throw WireError(.malformedMessage, "ids") }
            events.append(.toolCallsCancelled(ids: ids.compactMap(\.name)))
        case "end":
            let note = json["reason"]?.string.map { PeerWords.cut($0, to: PeerWords.longestMessage) }
            events.append(.endRequested(drains: json["drain"]?.bool ?? true, note: note))
        default:
            let left = json["time_left_ms"]?.count.map { Duration.milliseconds(min($0, 86_400_000)) }
            events.append(.goingAway(timeLeft: left))
        }
    }

    // MARK: The session

    private mutating func readReady(_ json: JSONValue, _ events: inout [AgentEvent]) throws(WireError) {
        guard !isReady else {
            events.append(.ignored)
            return
        }
        if let format = try Self.format("input_format", json), format != inputFormat {
            inputFormat = format
            events.append(.inputFormat(format))
        }
        outputFormat = try Self.format("output_format", json) ?? outputFormat
        wantsCallerTurns = json["caller_turns"]?.bool ?? false
        if let token = json["resume"]?.string, !token.isEmpty {
            guard token.utf8.count <= PeerWords.longestHandle else { throw WireError(.malformedMessage, "resume") }
            events.append(.resumptionHandle(token))
        }
        isReady = true
        events.append(.ready)
    }

    private static func format(_ field: String, _ json: JSONValue) throws(WireError) -> AudioFormat? {
        guard let stated = json[field], !stated.isNull else { return nil }
        guard let format = AudioFormat(agentSocket: stated) else { throw WireError(.unsupportedFormat, field) }
        return format
    }

    private static func report(_ json: JSONValue) throws(WireError) -> AgentErrorReport {
        AgentErrorReport(
            code: try requiredName("code", json),
            message: PeerWords.cut(json["message"]?.string ?? "", to: PeerWords.longestMessage),
            isFatal: json["fatal"]?.bool ?? false
        )
    }

    static func requiredName(_ field: String, _ json: JSONValue) throws(WireError) -> String {
        guard let name = json[field]?.name, !name.isEmpty else { throw WireError(.malformedMessage, field) }
        return name
    }

    // MARK: Speech

    private mutating func beginResponse(_ json: JSONValue, _ events: inout [AgentEvent]) throws(WireError) {
        let name = try Self.requiredName("response", json)
        // An agent that begins another has finished the one before.
        endOpenResponse(.completed, reason: nil, &events)
        guard responses.begin(name) != nil else {
            throw WireError(.malformedMessage, "response: its name was used before")
        }
        events.append(.responseStarted)
    }

    private mutating func endResponse(_ json: JSONValue, _ events: inout [AgentEvent]) throws(WireError) {
        let name = try Self.requiredName("response", json)
        let status: AgentResponseEnd.Status
        switch json["status"]?.string {
        case nil, "completed"?: status = .completed
        case "cancelled"?: status = .cancelled
        case "failed"?: status = .failed
        default: throw WireError(.malformedMessage, "status")
        }
        // A late word about a response that was ended by another message.
        guard responses.isOpen(name) else { return }
        endOpenResponse(status, reason: json["reason"]?.name, &events)
    }

    private mutating func endOpenResponse(
        _ status: AgentResponseEnd.Status,
        reason: String?,
        _ events: inout [AgentEvent]
    ) {
        let wasCancelled = responses.isCancelled
        guard let item = responses.end() else { return }
        events.append(.audioEnded(item))
        let end = wasCancelled ? AgentResponseEnd.Status.cancelled : status
        events.append(.responseEnded(AgentResponseEnd(status: end, reason: reason)))
    }

    private mutating func readTranscript(_ json: JSONValue, _ events: inout [AgentEvent]) throws(WireError) {
        guard let text = json["text"]?.string else { throw WireError(.malformedMessage, "text") }
        let words = PeerWords.cut(text, to: PeerWords.longestTranscript)
        let isFinal = json["final"]?.bool ?? true
        switch json["speaker"]?.string {
        case "caller"?:
            let item = responses.callerTurn(named: json["turn"]?.name, isFinal: isFinal)
            events.append(.callerTranscript(AgentTranscript(item: item, text: words, isFinal: isFinal)))
        case "agent"?:
            let item: AgentItem
            if let name = json["response"]?.name {
                item = responses.item(named: name)
            } else {
                guard let latest = responses.latest else { throw WireError(.malformedMessage, "response") }
                item = latest
            }
            events.append(.agentTranscript(AgentTranscript(item: item, text: words, isFinal: isFinal)))
        default: throw WireError(.malformedMessage, "speaker")
        }
    }

    // MARK: Functions

    private static func toolCall(_ json: JSONValue) throws(WireError) -> AgentToolCall {
        let arguments: String
        switch json["arguments"] {
        case nil, .null?: arguments = "{}"
        // Some models' libraries hand their arguments on as text.
        case .string(let text)?: arguments = text
        case let value?: arguments = value.serializedText()
        }
        return AgentToolCall(
            id: try requiredName("id", json),
            name: try requiredName("name", json),
            arguments: PeerWords.cut(arguments, to: PeerWords.longestArguments)
        )
    }
}
