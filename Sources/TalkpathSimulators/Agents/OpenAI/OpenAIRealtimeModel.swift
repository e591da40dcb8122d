internal import TalkpathAudio
internal import TalkpathWire

/// The behaviour of a model of OpenAI's Realtime interface (GA) on one WebSocket. Does no I/O.
struct OpenAIRealtimeModel: AgentModel {
    static let source = SimulatorEvent.Source.openAI

    /// An action that is due at a time.
    enum Timed: Sendable {
        case startResponse(ResponseRequest)
        case transcribe(item: String, text: String)
        /// The caller has said nothing since the model's words were played.
        case idle
        case mcp(MCPStep)
        case goAway
    }

    /// The reason for a response, and its options.
    struct ResponseRequest: Sendable {
        var trigger: AgentScript.Turn.Trigger
        var metadata: JSONValue = .null
        /// True if the response stays outside the conversation: `conversation: "none"`.
        var isBeside = false
        /// Options that differ from the session's.
        var options: JSONValue = [:]
    }

    struct ActiveResponse: Sendable {
        var id: String
        var item: String
        /// Index in the record's items.
        var recordIndex: Int
        var turn: AgentScript.Turn
        var stream: AnswerStream
        var request: ResponseRequest
        /// Text instead of speech.
        var writes: Bool
        /// The index of the spoken item among the response's items.
        var index = 0
        /// The function call, once it was sent.
        var call: JSONValue?
        /// The model breaks the response off in the middle.
        var endsEarly = false
        /// Counts the session's answers from 0.
        var number: Int
    }

    struct TurnDetection: Sendable {
        var prefixPadding = 300
        var silence = 500
        var createsResponse = true
        var interruptsResponse = true
        /// In milliseconds; `nil` if silence does not make the model speak.
        var idleTimeout: Int?
    }

    var core: AgentCore
    var session: JSONValue
    /// `nil` if the client decides when a turn has ended.
    var turnDetection: TurnDetection? = TurnDetection()
    var timed: [(instant: MonotonicInstant, what: Timed)] = []
    /// The one response that may write to the conversation.
    var response: ActiveResponse?
    /// Responses outside the conversation. There may be several at a time.
    var beside: [ActiveResponse] = []
    /// True if the session only transcribes the caller.
    let isTranscription: Bool
    var answers = 0
    /// The items of the conversation, in order. Spoken items of the assistant carry their index in the record.
    var conversation: [(id: String, spoken: Int?)] = []
    /// The latest state of each item that was sent.
    var items: [String: JSONValue] = [:]
    /// The places in the record of the items that exist or existed, by identifier.
    var spokenItems: [String: Int] = [:]
    /// The item of the caller's speech in progress.
    var callerItem: String?
    var uncommittedBytes = 0
    var owesToolAnswer = false
    var owesCallerAnswer = false
    var toolCallIDs: Set<String> = []
    /// Calls of an earlier session that the client put into the conversation.
    var restoredCallIDs: Set<String> = []
    /// The last item that holds the result of such a call.
    var restoredResult: String?
    /// Calls that wait for the client's approval, by the identifier of the request.
    var approvals: [String: MCPCall] = [:]
    /// Labels of MCP servers whose tools were listed.
    var listedServers: Set<String> = []
    var hasRefusedSettings = false
    var echo: (response: String, item: String, index: Int, changer: LinearRateChanger)?

    init(
        model: String,
        session number: Int,
        script: AgentScript,
        faults: [AgentFault],
        behaviours: Set<ModelBehaviour> = [],
        keepsAudio: Bool,
        at now: MonotonicInstant
    ) {
        core = AgentCore(
            script: script,
            faults: faults,
            behaviours: behaviours,
            keepsAudio: keepsAudio,
            record: AgentRecord(
                session: number,
                model: model,
                openedAt: now,
                inputFormat: .pcm24k,
                outputFormat: .pcm24k
            )
        )
        isTranscription = model.isEmpty
        let pcm: JSONValue = ["type": "audio/pcm", "rate": 24000]
        guard !isTranscription else {
            session = Self.transcriptionSession(number, pcm)
            return
        }
        session = [
            "type": "realtime", "object": "realtime.session", "id": .string("sess_\(number)"),
            "model": .string(model), "output_modalities": ["audio"], "instructions": "", "tools": [],
            "tool_choice": "auto", "max_output_tokens": "inf", "tracing": nil, "truncation": "auto", "prompt": nil,
            "expires_at": 1_900_000_000, "include": nil,
            "audio": [
                "input": [
                    "format": pcm, "transcription": nil, "noise_reduction": nil,
                    "turn_detection": [
                        "type": "server_vad", "threshold": .number(JSONNumber(0.5) ?? JSONNumber(0)),
                        "prefix_padding_ms": 300, "silence_duration_ms": 500, "idle_timeout_ms": nil,
                        "create_response": true, "interrupt_response": true,
                    ],
                ],
                "output": ["format": pcm, "voice": "alloy", "speed": 1],
            ],
        ]
    }

    private static func transcriptionSession(_ number: Int, _ format: JSONValue) -> JSONValue {
        [
            "type": "transcription", "object": "realtime.transcription_session", "id": .string("sess_\(number)"),
            "expires_at": 1_900_000_000, "include": nil,
            "audio": [
                "input": [
                    "format": format, "transcription": nil, "noise_reduction": nil,
                    "turn_detection": ["type": "server_vad", "prefix_padding_ms": 300, "silence_duration_ms": 500],
                ]
            ],
        ]
    }

    var record: AgentRecord { core.record }

    mutating func takeOutputs() -> [AgentOutput] { core.takeOutputs() }

    mutating func opened(at now: MonotonicInstant) {
        core.report(.connected(session: core.record.session))
        perform(core.takeFaults { $0 == .opened }, at: now)
        send("session.created", ["session": session])
        perform(core.takeFaults { $0 == .greeted }, at: now)
    }

    mutating func received(_ message: RawSpan, isText: Bool, at now: MonotonicInstant) {
        advance(to: now)
        guard !core.isOver, !core.holds(message, isText: isText) else { return }
        guard isText else { return core.violate("a binary frame: events are text", at: now) }
        do throws(WireError) {
            handle(try JSONValue(parsing: message), at: now)
        } catch {
            sendError("invalid_json", "We could not parse the JSON body of your event.", nil, nil, at: now)
        }
    }

    mutating func closed(code: Int, at now: MonotonicInstant) {
        core.record.closeCode = code
        core.report(.disconnected(code: code))
    }

    var nextDeadline: MonotonicInstant? {
        guard !core.isOver, !core.isMute else { return nil }
        if let pause = core.pausedUntil { return pause }
        let beside = beside.map(\.stream.nextInstant).min()
        return [timed.map(\.instant).min(), response?.stream.nextInstant, beside, core.nextElapsedFault()]
            .compactMap(\.self).min()
    }

    mutating func advance(to now: MonotonicInstant) {
        if core.pausedUntil != nil {
            let held = core.resume(at: now)
            guard core.pausedUntil == nil else { return }
            for message in held { received(message.message.span.bytes, isText: message.isText, at: now) }
        }
        while let deadline = nextDeadline, deadline <= now, core.pausedUntil == nil {
            step(at: deadline, now: now)
        }
    }

    private mutating func step(at deadline: MonotonicInstant, now: MonotonicInstant) {
        let opened = core.record.openedAt
        let faults = core.takeFaults {
            if case .elapsed(let after) = $0 { opened + after <= deadline } else { false }
        }
        guard faults.isEmpty else { return perform(faults, at: now) }
        if let place = timed.firstIndex(where: { $0.instant <= deadline }) {
            let due = timed.remove(at: place)
            switch due.what {
            case .startResponse(let request): startResponse(request, at: due.instant)
            case .transcribe(let item, let text): sendTranscription(item: item, text: text)
            case .idle: noticeIdleness(at: now)
            case .mcp(let step): take(step, at: due.instant)
            case .goAway: core.close(code: 1001, reason: "session expired")
            }
            return
        }
        if let response, response.stream.nextInstant <= deadline { return continueResponse(at: now) }
        continueBeside(until: deadline, at: now)
    }

    mutating func perform(_ faults: [AgentFault.Action], at now: MonotonicInstant) {
        for fault in faults where !core.perform(fault, at: now) {
            switch fault {
            case .error(let code, let message): sendError(code, message, nil, nil, type: "server_error", at: nil)
            case .goAway(let timeLeft):
                sendError("session_expired", "Your session hit the maximum duration.", nil, nil, at: nil)
                timed.append((now + timeLeft, .goAway))
            case .refuse, .fallSilent, .pause, .close, .vanish, .endStream: break
            }
        }
    }

    // MARK: Sending

    mutating func send(_ type: String, _ fields: JSONValue) {
        var members: [(key: String, value: JSONValue)] = [
            ("type", .string(type)), ("event_id", .string(core.identifier("event"))),
        ]
        members.append(contentsOf: fields.object ?? [])
        core.send(JSONValue.object(members).serialized(), binary: false)
    }

    /// - Parameter now: given if the client made the mistake. It then counts as a violation.
    mutating func sendError(
        _ code: String,
        _ message: String,
        _ parameter: String?,
        _ clientEvent: String?,
        type: String = "invalid_request_error",
        at now: MonotonicInstant?
    ) {
        if let now { core.violate("\(code): \(message)", at: now) }
        send(
            "error",
            [
                "error": [
                    "type": .string(type), "code": .string(code), "message": .string(message),
                    "param": parameter.map { .string($0) } ?? nil, "event_id": clientEvent.map { .string($0) } ?? nil,
                ]
            ]
        )
    }
}
