import HTTPTypes
import TalkpathCore
import TalkpathWire

/// The query of `GET /api/calls`.
struct ListCallsQuery {
    enum State: String, CaseIterable {
        case active, ended, all
    }

    var state = State.active
    var calls = CallQuery()

    init(_ fields: FormParameters) throws(Problem) {
        for (name, value) in fields.fields {
            switch name {
            case "state": state = try Self.word(name, value)
            case "agent_id": calls.agentID = value
            case "status": calls.statuses = [try Self.word(name, value)]
            case "direction":
                guard let direction = CallDirection(word: value) else {
                    throw JSONBody.invalid(name, "must be one of \(CallDirection.words.joined(separator: ", "))")
                }
                calls.direction = direction
            case "from": calls.from = value
            case "to": calls.to = value
            case "search": calls.search = try Self.search(value)
            case "since": calls.since = try Self.time(name, value)
            case "until": calls.until = try Self.time(name, value)
            case "limit":
                guard let limit = Int(value), (1...1000).contains(limit) else {
                    throw JSONBody.invalid(name, "must be a whole number from 1 to 1000")
                }
                calls.limit = limit
            case "cursor":
                guard let cursor = CallCursor(text: value) else { throw JSONBody.invalid(name, "is none of ours") }
                calls.cursor = cursor
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

    private static func search(_ value: String) throws(Problem) -> String {
        guard (1...200).contains(value.unicodeScalars.count) else {
            throw JSONBody.invalid("search", "must have 1 to 200 characters")
        }
        return value
    }

    private static func time(_ name: String, _ value: String) throws(Problem) -> WallTime {
        guard let time = WallTime(rfc3339: value) else {
            throw JSONBody.invalid(name, "must be a time such as 2026-03-01T12:00:00Z")
        }
        return time
    }
}
