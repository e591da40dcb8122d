import HTTPTypes
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// What `POST /api/calls` may say.
struct PlaceCallRequest {
    var to: String
    var from: String?
    var prompt: String?
    var firstMessage: String?
    var voice: String?
    /// As it came; where the carrier reaches this server for this call.
    var webhookURL: String?
    var metadata: [String: JSONValue]
    var maxDuration: Duration?
    var ringTimeout: Duration?
    /// `off`, `wire`, `audio` or `wire,audio`.
    var capture: CaptureWish?

    private static let fields: Set<String> = [
        "to", "from", "prompt", "first_message", "voice", "webhook_url", "metadata", "max_duration_s", "ring_timeout_s",
        "capture",
    ]

    init(_ bytes: [UInt8]) throws(Problem) {
        let body = try JSONBody(bytes, known: Self.fields)
        guard let to = try body.text("to"), !to.isEmpty else {
            throw Problem(.badRequest, .missingField, "Missing 'to' phone number")
        }
        self.to = to
        from = try body.text("from")
        prompt = try body.text("prompt", atMost: 100_000)
        firstMessage = try body.text("first_message")
        voice = try body.text("voice", atMost: 200)
        webhookURL = try body.text("webhook_url", atMost: 500).flatMap { $0.isEmpty ? nil : $0 }
        metadata = try body.object("metadata") ?? [:]
        // Twilio's own bounds on TimeLimit and Timeout.
        maxDuration = try body.integer("max_duration_s", in: 1...14_400).map { .seconds($0) }
        capture = try body.text("capture", atMost: 40).map { words throws(Problem) in
            guard let wish = CaptureWish(words: words) else {
                throw JSONBody.invalid("capture", "must be off, wire, audio or wire,audio")
            }
            return wish
        }
        ringTimeout = try body.integer("ring_timeout_s", in: 5...600).map { .seconds($0) }
    }
}

/// What `POST /api/calls/{call_id}/end` may say.
struct EndCallRequest {
    var request: EndRequest

    static let fields: Set<String> = ["reason", "mode", "drain_timeout_ms"]

    /// - Parameter bytes: may be empty.
    init(_ bytes: [UInt8], limits: CallLimits) throws(Problem) {
        try self.init(JSONBody(bytes.isEmpty ? Array("{}".utf8) : bytes, known: Self.fields), limits: limits)
    }

    init(_ body: JSONBody, limits: CallLimits) throws(Problem) {
        let timeout = try body.integer("drain_timeout_ms", in: 0...60_000)
        let mode: EndMode
        switch try body.text("mode") {
        case nil, "now":
            guard timeout == nil else { throw JSONBody.invalid("drain_timeout_ms", "goes with 'mode' \"drain\" only") }
            mode = .now
        case "drain":
            mode = .drain(timeout: timeout.map { .milliseconds($0) } ?? limits.drainTimeout)
        default:
            throw JSONBody.invalid("mode", "must be \"now\" or \"drain\"")
        }
        request = EndRequest(.endedByAPI, mode: mode, note: try body.text("reason", atMost: 1000))
    }
}

/// What `POST /api/calls/end` may say: which calls, and how.
struct EndCallsRequest {
    var end: EndCallRequest
    private var direction: CallDirection?
    private var olderThan: Duration?
    private var metadata: [String: JSONValue]

    init(_ bytes: [UInt8], limits: CallLimits) throws(Problem) {
        let filters: Set<String> = ["direction", "older_than_s", "metadata"]
        let body = try JSONBody(bytes, known: filters.union(["all"]).union(EndCallRequest.fields))
        let all = try body.bool("all") ?? false
        let isFiltered = filters.contains { body[$0] != nil }
        guard all != isFiltered else {
            throw Problem(.unprocessableContent, .invalidField, "Say either \"all\": true or which calls to end")
        }
        direction = try body.text("direction").map { (word) throws(Problem) in
            guard let direction = CallDirection(word: word) else {
                throw JSONBody.invalid("direction", "must be \"outbound\" or \"inbound\"")
            }
            return direction
        }
        olderThan = try body.integer("older_than_s", in: 0...1_000_000).map { .seconds($0) }
        metadata = try body.object("metadata") ?? [:]
        end = try EndCallRequest(body, limits: limits)
    }

    func matches(_ call: CallSnapshot) -> Bool {
        if let direction, call.direction != direction { return false }
        if let olderThan, call.duration < olderThan { return false }
        return metadata.allSatisfy { call.metadata[$0.key] == $0.value }
    }
}

extension CallDirection {
    /// `incoming` and `outgoing` are understood as well.
    init?(word: String) {
        switch word {
        case "inbound", "incoming": self = .inbound
        case "outbound", "outgoing": self = .outbound
        default: return nil
        }
    }
}

/// What `GET /api/calls` may be asked for.
struct ListCallsQuery {
    enum State: String, CaseIterable {
        case active, ended, all
    }

    var state = State.active
    var limit = 100
    private var status: CallStatus?
    private var direction: CallDirection?
    private var from: String?
    private var to: String?

    init(_ fields: FormParameters) throws(Problem) {
        for (name, value) in fields.fields {
            switch name {
            case "state": state = try Self.word(name, value)
            case "status": status = try Self.word(name, value)
            case "direction":
                guard let direction = CallDirection(word: value) else {
                    throw JSONBody.invalid(name, "must be outbound or inbound")
                }
                self.direction = direction
            case "from": from = value
            case "to": to = value
            case "limit":
                guard let limit = Int(value), (1...1000).contains(limit) else {
                    throw JSONBody.invalid(name, "must be a whole number from 1 to 1000")
                }
                self.limit = limit
            default: throw Problem(.unprocessableContent, .unknownField, "Unknown query field '\(name)'")
            }
        }
    }

    private static func word<Word>(_ name: String, _ value: String) throws(Problem) -> Word
    where Word: RawRepresentable<String> & CaseIterable {
        guard let word = Word(rawValue: value) else {
            throw JSONBody.invalid(name, "must be one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }

    func matches(_ call: CallSnapshot) -> Bool {
        (status == nil || call.status == status) && (direction == nil || call.direction == direction)
            && (from == nil || call.from == from) && (to == nil || call.to == to)
    }
}
