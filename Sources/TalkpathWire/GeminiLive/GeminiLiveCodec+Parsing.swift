import TalkpathAudio

/// The full path: parses any legal message.
extension GeminiLiveCodec {
    /// The members that are read from the provider's messages; a function's arguments are kept whole.
    static let bounds = JSONBounds(
        keys: [
            "setupComplete", "serverContent", "modelTurn", "parts", "inlineData", "mimeType", "data",
            "inputTranscription", "outputTranscription", "text", "finished", "interrupted", "generationComplete",
            "turnComplete", "turnCompleteReason", "toolCall", "functionCalls", "name", "id", "toolCallCancellation",
            "ids", "goAway", "timeLeft", "sessionResumptionUpdate", "resumable", "newHandle", "error", "status", "code",
            "message", "usageMetadata", "promptTokenCount", "responseTokenCount", "totalTokenCount",
            "thoughtsTokenCount", "toolUsePromptTokenCount", "cachedContentTokenCount", "cacheTokensDetails",
            "promptTokensDetails",
            "toolUsePromptTokensDetails", "responseTokensDetails", "modality", "tokenCount",
        ],
        whole: ["args"],
        mostValues: 4096
    )

    mutating func receive(parsing message: RawSpan, into events: inout [AgentEvent]) throws(WireError) {
        let json = try JSONValue(parsing: message, within: Self.bounds)
        guard json.object != nil else { throw WireError(.malformedMessage, "not an object") }
        // Works on a copy until the whole message is understood, so that an error changes nothing.
        var turns = turns
        var found: [AgentEvent] = []
        if json["setupComplete"] != nil, !isReady { found.append(.ready) }
        if let content = json["serverContent"] { try read(content, &turns, &found) }
        if let calls = json["toolCall"] {
            found += try toolCalls(calls)
            turns.functionsCalled()
        }
        if let cancellation = json["toolCallCancellation"] {
            found.append(.toolCallsCancelled(ids: cancellation["ids"]?.array?.compactMap(\.string) ?? []))
        }
        if let goAway = json["goAway"] {
            found.append(.goingAway(timeLeft: goAway["timeLeft"]?.string.flatMap(Self.duration)))
        }
        if let update = json["sessionResumptionUpdate"] { found.append(.resumptionHandle(Self.handle(update))) }
        if let error = json["error"] { found.append(.error(Self.report(error))) }
        if let usage = json["usageMetadata"], usage.object != nil { found.append(.usage(AgentUsage(gemini: usage))) }
        if json["setupComplete"] != nil { isReady = true }
        self.turns = turns
        events += found.isEmpty ? [.ignored] : found
    }

    // MARK: Content

    private func read(
        _ content: JSONValue,
        _ turns: inout GeminiTurns,
        _ events: inout [AgentEvent]
    ) throws(WireError) {
        let audio = try audioParts(content["modelTurn"])
        if let words = content["inputTranscription"] {
            turns.callerSaid(
                PeerWords.cut(words["text"]?.string ?? "", to: PeerWords.longestTranscript),
                isFinished: words["finished"]?.bool ?? false,
                &events
            )
        }
        for part in audio {
            let item = turns.itemOfAudio(&events)
            events.append(.audio(AgentAudio(item: item, format: part.format, payload: .unescaped(part.text))))
        }
        if let words = content["outputTranscription"] {
            turns.agentSaid(
                PeerWords.cut(words["text"]?.string ?? "", to: PeerWords.longestTranscript),
                isFinished: words["finished"]?.bool ?? false,
                &events
            )
        }
        if content["interrupted"]?.bool == true { turns.interrupted(&events) }
        if content["generationComplete"]?.bool == true { turns.generationCompleted(&events) }
        if content["turnComplete"]?.bool == true {
            turns.turnCompleted(reason: content["turnCompleteReason"]?.string, &events)
        }
    }

    private func audioParts(_ turn: JSONValue?) throws(WireError) -> [(format: AudioFormat, text: [UInt8])] {
        guard let parts = turn?["parts"], !parts.isNull else { return [] }
        guard let elements = parts.array else { throw WireError(.malformedMessage, "modelTurn.parts") }
        var audio: [(format: AudioFormat, text: [UInt8])] = []
        for part in elements {
            // Text, thoughts and code are not speech.
            guard let inline = part["inlineData"], !inline.isNull else { continue }
            guard let type = inline["mimeType"]?.string else {
                throw WireError(.malformedMessage, "inlineData.mimeType")
            }
            switch Array(type.utf8).withUnsafeBufferPointer({ GeminiMIMEType($0) }) {
            case .audio(let format):
                guard let data = inline["data"]?.string else { throw WireError(.malformedMessage, "inlineData.data") }
                audio.append((format, Array(data.utf8)))
            case .unsupported: throw WireError(.unsupportedFormat, "inlineData.mimeType")
            case .notAudio: continue
            }
        }
        return audio
    }

    // MARK: Functions

    private func toolCalls(_ json: JSONValue) throws(WireError) -> [AgentEvent] {
        guard let calls = json["functionCalls"]?.array else {
            throw WireError(.malformedMessage, "toolCall.functionCalls")
        }
        var events: [AgentEvent] = []
        for call in calls {
            guard let name = call["name"]?.name else { throw WireError(.malformedMessage, "functionCalls.name") }
            guard let id = call["id"]?.name else { throw WireError(.malformedMessage, "functionCalls.id") }
            let arguments = call["args"].flatMap { $0.isNull ? nil : $0.serializedText() } ?? "{}"
            let kept = PeerWords.cut(arguments, to: PeerWords.longestArguments)
            events.append(.toolCall(AgentToolCall(id: id, name: name, arguments: kept)))
        }
        return events
    }

    // MARK: The rest

    private static func handle(_ update: JSONValue) -> String? {
        guard update["resumable"]?.bool == true, let handle = update["newHandle"]?.string, !handle.isEmpty,
            handle.utf8.count <= PeerWords.longestHandle
        else {
            return nil
        }
        return handle
    }

    /// Most of the provider's errors close the socket. An error that arrives as a message also ends the session.
    private static func report(_ json: JSONValue) -> AgentErrorReport {
        AgentErrorReport(
            code: json["status"]?.name ?? json["code"]?.number.map { String($0.text.prefix(16)) } ?? "unknown",
            message: PeerWords.cut(json["message"]?.string ?? "", to: PeerWords.longestMessage),
            isFatal: true
        )
    }

    /// Parses a duration in the JSON form of Protocol Buffers: seconds, up to nine decimals, and an `s`.
    static func duration(_ text: String) -> Duration? {
        guard text.utf8.last == UInt8(ascii: "s") else { return nil }
        let pieces = text.dropLast().split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        func isDecimal(_ piece: Substring, atMost length: Int) -> Bool {
            (1...length).contains(piece.utf8.count) && piece.utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
        }
        guard let whole = pieces.first, isDecimal(whole, atMost: 12), let seconds = Int64(whole) else { return nil }
        guard pieces.count == 2 else { return .seconds(seconds) }
        let fraction = pieces[1]
        guard isDecimal(fraction, atMost: 9) else { return nil }
        let padded = fraction + String(repeating: "0", count: 9 - fraction.utf8.count)
        return Int64(padded).map { .seconds(seconds) + .nanoseconds($0) }
    }
}
