import TalkpathAudio
package import TalkpathWire

/// The JSON form of these events in captures: one object each, whose first member is `what`.
extension CaptureEvent {
    package var json: JSONValue {
        var members: [(key: String, value: JSONValue)] = [(key: "what", value: .string(name))]
        func add(_ key: String, _ value: JSONValue?) {
            if let value { members.append((key: key, value: value)) }
        }
        switch self {
        case .placed(let id), .mediaOpened(let id):
            add("carrier_call_id", .string(id))
        case .placingFailed(let error), .hangUpFailed(let error), .redirectFailed(let error):
            add("code", .string(error.code.rawValue))
            add("message", .string(error.message))
            add("carrier_code", error.carrierCode.map { JSONValue($0) })
            add("retry_after_ms", error.retryAfter.map(JSONValue.init(milliseconds:)))
        case .progressed(let progress, let id):
            add("progress", .string(progress.word))
            add("carrier_call_id", .string(id))
        case .carrierReported(let report, let id):
            add("report", .string(report.word))
            add("source", report.fault.map { .string($0.source.rawValue) })
            add("code", report.fault?.code.map { JSONValue($0) })
            add("message", report.fault.map { .string($0.message) })
            add("carrier_call_id", .string(id))
        case .machineDetected(let answer):
            add("answer", .string(answer.rawValue))
        case .hangUpAnswered(let answer):
            add("answer", .string(answer == .done ? "done" : "already_gone"))
        case .givenUp, .redirectDone:
            break
        case .mediaClosed(let line), .mediaLegClosed(let line):
            // The first socket's number goes without saying.
            if line != 1 { add("line", JSONValue(line)) }
        case .transferTold(let news, let transfer):
            add("transfer", JSONValue(transfer))
            add("news", .string(news.word))
            add("outcome", news.outcome.map { .string($0.rawValue) })
            if case .ended(_, callIsOver: true) = news { add("call_is_over", true) }
        case .hurried(let bound):
            add("within_ms", JSONValue(milliseconds: bound))
        case .agentOpened(let socket), .agentUnwanted(let socket), .agentLegClosed(let socket):
            add("socket", JSONValue(socket.number))
        case .agentConnectFailed(let socket, let error):
            add("socket", JSONValue(socket.number))
            add("message", .string(error.message))
            add("is_final", .bool(error.isFinal))
        case .agentClosed(let socket, let reason):
            add("socket", JSONValue(socket.number))
            add("reason", .string(reason))
        case .toolAnswered(let id, let output):
            add("id", .string(id))
            add("output", .string(output))
        case .recordSaved(let isSuccess), .recordUpdated(let isSuccess):
            add("is_success", .bool(isSuccess))
        case .endRequested(let request):
            add("reason", .string(request.reason.rawValue))
            if case .drain(let timeout) = request.mode { add("drain_ms", JSONValue(milliseconds: timeout)) }
            add("note", request.note.map(JSONValue.string))
        case .muted(let leg), .unmuted(let leg):
            add("leg", .string(leg.rawValue))
        case .messageSent(let text, let author, let isAnswered):
            add("text", .string(text))
            add("author", .string(author.rawValue))
            add("is_answered", .bool(isAnswered))
        case .sayRequested(let text):
            add("text", .string(text))
        case .clipRequested(let bytes):
            add("audio", .string(TalkpathCrypto.base64(bytes)))
        case .digitsRequested(let digits):
            add("digits", .string(digits))
        case .collectionRequested(let request):
            add("maximum", request.maximum.map { JSONValue($0) })
            add("terminator", request.terminator.map { .string(String($0)) })
            add("timeout_ms", JSONValue(milliseconds: request.timeout))
            add("digit_timeout_ms", JSONValue(milliseconds: request.digitTimeout))
        case .transferRequested(let mode, let ringTimeout, let onFailure):
            if case .drain(let timeout) = mode { add("drain_ms", JSONValue(milliseconds: timeout)) }
            add("ring_timeout_ms", JSONValue(milliseconds: ringTimeout))
            switch onFailure {
            case .returnToAgent: break
            case .sayGoodbye(let words, let language):
                add("goodbye", .string(words))
                add("language", language.map(JSONValue.string))
            case .hangUp: add("hangs_up", true)
            }
        case .published(let event, let detail):
            add("event", .string(event))
            add("detail", detail.map(JSONValue.string))
        case .ended(let receipt):
            add("receipt", receipt.json)
        }
        return .object(members)
    }

    private var name: String {
        switch self {
        case .placed: "placed"
        case .placingFailed: "placing_failed"
        case .progressed: "progressed"
        case .carrierReported: "carrier_reported"
        case .hangUpAnswered: "hang_up_answered"
        case .hangUpFailed: "hang_up_failed"
        case .machineDetected: "machine_detected"
        case .transferTold: "transfer_told"
        case .mediaOpened: "media_opened"
        case .mediaClosed: "media_closed"
        case .mediaLegClosed: "media_leg_closed"
        case .agentOpened: "agent_opened"
        case .agentConnectFailed: "agent_connect_failed"
        case .agentUnwanted: "agent_unwanted"
        case .agentClosed: "agent_closed"
        case .agentLegClosed: "agent_leg_closed"
        case .toolAnswered: "tool_answered"
        case .recordSaved: "record_saved"
        case .recordUpdated: "record_updated"
        case .endRequested: "end_requested"
        case .givenUp: "given_up"
        case .hurried: "hurried"
        case .redirectDone: "redirect_done"
        case .redirectFailed: "redirect_failed"
        case .muted: "muted"
        case .unmuted: "unmuted"
        case .messageSent: "message_sent"
        case .sayRequested: "say_requested"
        case .clipRequested: "clip_requested"
        case .digitsRequested: "digits_requested"
        case .transferRequested: "transfer_requested"
        case .collectionRequested: "collection_requested"
        case .published: "published"
        case .ended: "ended"
        }
    }

    /// - Returns: `nil` for an event that this version does not know.
    package init?(json: JSONValue) {
        let socket = AgentSocketID(json["socket"]?.int ?? 0)
        let carrierCallID = json["carrier_call_id"]?.string ?? ""
        switch json["what"]?.string {
        case "placed": self = .placed(carrierCallID: carrierCallID)
        case "placing_failed": self = .placingFailed(CarrierError(json: json))
        case "progressed":
            guard let progress = CarrierProgress(word: json["progress"]?.string ?? "") else { return nil }
            self = .progressed(progress, carrierCallID: carrierCallID)
        case "carrier_reported":
            guard let report = CarrierReport(json: json) else { return nil }
            self = .carrierReported(report, carrierCallID: carrierCallID)
        case "hang_up_answered": self = .hangUpAnswered(json["answer"]?.string == "done" ? .done : .alreadyGone)
        case "hang_up_failed": self = .hangUpFailed(CarrierError(json: json))
        case "machine_detected": self = .machineDetected(json["answer"]?.string.flatMap(AnsweredBy.init) ?? .unknown)
        case "media_opened": self = .mediaOpened(carrierCallID: carrierCallID)
        case "media_closed": self = .mediaClosed(line: json["line"]?.int ?? 1)
        case "media_leg_closed": self = .mediaLegClosed(line: json["line"]?.int ?? 1)
        case "transfer_told":
            guard let news = TransferNews(json: json) else { return nil }
            self = .transferTold(news, transfer: json["transfer"]?.int ?? 0)
        case "agent_opened": self = .agentOpened(socket: socket)
        case "agent_connect_failed":
            let error = AgentConnectError(json["message"]?.string ?? "", isFinal: json["is_final"]?.bool ?? false)
            self = .agentConnectFailed(socket: socket, error)
        case "agent_unwanted": self = .agentUnwanted(socket: socket)
        case "agent_closed": self = .agentClosed(socket: socket, reason: json["reason"]?.string ?? "")
        case "agent_leg_closed": self = .agentLegClosed(socket: socket)
        case "tool_answered":
            self = .toolAnswered(id: json["id"]?.string ?? "", output: json["output"]?.string ?? "")
        case "record_saved": self = .recordSaved(isSuccess: json["is_success"]?.bool ?? true)
        case "record_updated": self = .recordUpdated(isSuccess: json["is_success"]?.bool ?? true)
        case "end_requested":
            guard let reason = EndReason(rawValue: json["reason"]?.string ?? "") else { return nil }
            self = .endRequested(EndRequest(reason, mode: Self.mode(json), note: json["note"]?.string))
        case "given_up": self = .givenUp
        case "hurried": self = .hurried(within: json["within_ms"]?.duration ?? .zero)
        case "redirect_done": self = .redirectDone
        case "redirect_failed": self = .redirectFailed(CarrierError(json: json))
        case "muted", "unmuted", "message_sent", "say_requested", "clip_requested", "digits_requested",
            "transfer_requested", "collection_requested":
            self.init(request: json)
        case "published": self = .published(json["event"]?.string ?? "", detail: json["detail"]?.string)
        case "ended":
            guard let receipt = json["receipt"].flatMap(CaptureReceipt.init(json:)) else { return nil }
            self = .ended(receipt)
        default: return nil
        }
    }
}

extension CaptureEvent {
    /// The events that are requests to the call.
    private init?(request json: JSONValue) {
        let text = json["text"]?.string ?? ""
        switch json["what"]?.string {
        case "muted": self = .muted(json["leg"]?.string.flatMap(CallLeg.init) ?? .caller)
        case "unmuted": self = .unmuted(json["leg"]?.string.flatMap(CallLeg.init) ?? .caller)
        case "message_sent":
            let author = json["author"]?.string.flatMap(MessageAuthor.init) ?? .caller
            self = .messageSent(text, as: author, isAnswered: json["is_answered"]?.bool ?? false)
        case "say_requested": self = .sayRequested(text)
        case "clip_requested":
            guard let bytes = json["audio"]?.string.flatMap(Self.bytes(ofBase64:)) else { return nil }
            self = .clipRequested(bytes)
        case "digits_requested": self = .digitsRequested(json["digits"]?.string ?? "")
        case "collection_requested":
            self = .collectionRequested(
                DigitRequest(
                    maximum: json["maximum"]?.int,
                    terminator: json["terminator"]?.string?.first,
                    timeout: json["timeout_ms"]?.duration ?? .seconds(10),
                    digitTimeout: json["digit_timeout_ms"]?.duration ?? .seconds(4)
                )
            )
        case "transfer_requested":
            let ringTimeout = json["ring_timeout_ms"]?.duration ?? .seconds(30)
            let goodbye = json["goodbye"]?.string.map {
                TransferFailurePlan.sayGoodbye($0, language: json["language"]?.string)
            }
            let hangsUp = json["hangs_up"]?.bool ?? false
            self = .transferRequested(
                mode: Self.mode(json),
                ringTimeout: ringTimeout,
                onFailure: goodbye ?? (hangsUp ? .hangUp : .returnToAgent)
            )
        default: return nil
        }
    }

    private static func mode(_ json: JSONValue) -> EndMode {
        json["drain_ms"]?.duration.map { .drain(timeout: $0) } ?? .now
    }

    static func bytes(ofBase64 text: String) -> [UInt8]? {
        let text = Array(text.utf8)
        var bytes = [UInt8](repeating: 0, count: Base64.decodedCount(of: text.span.bytes))
        var target = bytes.mutableSpan
        guard let count = try? Base64.decode(text.span.bytes, into: &target), count == bytes.count else { return nil }
        return bytes
    }
}

extension CarrierError {
    fileprivate init(json: JSONValue) {
        self.init(Code(rawValue: json["code"]?.string ?? "") ?? .noAnswer, json["message"]?.string ?? "")
        carrierCode = json["carrier_code"]?.int
        retryAfter = json["retry_after_ms"]?.duration
    }
}

extension TransferNews {
    fileprivate var word: String {
        switch self {
        case .answered: "answered"
        case .legEnded: "leg_ended"
        case .ended: "ended"
        }
    }

    fileprivate var outcome: TransferOutcome? {
        switch self {
        case .answered: nil
        case .legEnded(let outcome), .ended(let outcome, _): outcome
        }
    }

    fileprivate init?(json: JSONValue) {
        let outcome = json["outcome"]?.string.flatMap(TransferOutcome.init) ?? .unknown
        switch json["news"]?.string {
        case "answered": self = .answered
        case "leg_ended": self = .legEnded(outcome)
        case "ended": self = .ended(outcome, callIsOver: json["call_is_over"]?.bool ?? false)
        default: return nil
        }
    }
}

extension CarrierReport {
    fileprivate var word: String {
        switch self {
        case .streamStarted: "stream_started"
        case .streamStopped: "stream_stopped"
        case .streamWarned: "stream_warned"
        case .streamFailed: "stream_failed"
        case .streamClosed: "stream_closed"
        case .dialFailed: "dial_failed"
        }
    }

    fileprivate init?(json: JSONValue) {
        let source = json["source"]?.string.flatMap(CarrierFault.Source.init) ?? .stream
        let fault = CarrierFault(source, code: json["code"]?.int, json["message"]?.string ?? "")
        switch json["report"]?.string {
        case "stream_started": self = .streamStarted
        case "stream_stopped": self = .streamStopped
        case "stream_warned": self = .streamWarned(fault)
        case "stream_failed": self = .streamFailed(fault)
        case "stream_closed": self = .streamClosed(fault)
        case "dial_failed": self = .dialFailed(fault)
        default: return nil
        }
    }
}

extension CarrierProgress {
    fileprivate var word: String {
        switch self {
        case .initiated: "initiated"
        case .ringing: "ringing"
        case .answered: "answered"
        case .over(let fate): fate.rawValue
        }
    }

    fileprivate init?(word: String) {
        switch word {
        case "initiated": self = .initiated
        case "ringing": self = .ringing
        case "answered": self = .answered
        default:
            guard let fate = Fate(rawValue: word) else { return nil }
            self = .over(fate)
        }
    }
}

extension CaptureReceipt {
    package var json: JSONValue {
        var json: JSONValue = [
            "status": .string(status), "reason": .string(reason),
            "duration_ms": JSONValue(double: durationMilliseconds), "talk_ms": JSONValue(double: talkMilliseconds),
            "teardown_ms": JSONValue(double: teardownMilliseconds), "carrier_confirmed": .bool(carrierConfirmed),
            "steps": .array(steps.map(\.json)),
        ]
        json.set("note", note.map(JSONValue.string))
        return json
    }

    init?(json: JSONValue) {
        guard let status = json["status"]?.string, let reason = json["reason"]?.string else { return nil }
        self.status = status
        self.reason = reason
        note = json["note"]?.string
        durationMilliseconds = json["duration_ms"]?.double ?? 0
        talkMilliseconds = json["talk_ms"]?.double ?? 0
        teardownMilliseconds = json["teardown_ms"]?.double ?? 0
        carrierConfirmed = json["carrier_confirmed"]?.bool ?? false
        steps = json["steps"]?.array?.map(Step.init(json:)) ?? []
    }
}

extension CaptureReceipt.Step {
    fileprivate var json: JSONValue {
        var json: JSONValue = [
            "step": .string(name), "outcome": .string(outcome),
            "started_ms": JSONValue(double: startedMilliseconds), "ms": JSONValue(double: milliseconds),
        ]
        json.set("error", error.map(JSONValue.string))
        return json
    }

    fileprivate init(json: JSONValue) {
        name = json["step"]?.string ?? ""
        outcome = json["outcome"]?.string ?? ""
        startedMilliseconds = json["started_ms"]?.double ?? 0
        milliseconds = json["ms"]?.double ?? 0
        error = json["error"]?.string
    }
}

extension JSONValue {
    init(double: Double) {
        self = JSONNumber(double).map(JSONValue.number) ?? .null
    }

    init(milliseconds duration: Duration) {
        self.init(double: duration.milliseconds)
    }

    /// This number of milliseconds as a duration; `nil` for other values.
    var duration: Duration? {
        // Beyond that, the nanoseconds would exceed 64 bits.
        guard let milliseconds = double, milliseconds.magnitude < 9e12 else { return nil }
        return .nanoseconds(Int64((milliseconds * 1_000_000).rounded()))
    }
}
