import HTTPTypes
import Hummingbird
import NIOCore
import TalkpathWire

/// A request's body: one JSON object, read member by member. Members nobody has asked for are refused: a misspelt
/// one must not be ignored.
struct JSONBody {
    private let members: [(key: String, value: JSONValue)]
    private let known: Set<String>

    static let maximumBytes = 1 << 20

    /// - Parameter known: the members there are.
    init(_ bytes: [UInt8], known: Set<String>) throws(Problem) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw Problem(.badRequest, .malformedJSON, "The body is not JSON: \(error.detail)")
        }
        guard let object = value.object else {
            throw Problem(.badRequest, .malformedJSON, "The body must be a JSON object")
        }
        members = object
        self.known = known
        let unknown = members.map(\.key).filter { !known.contains($0) }
        guard unknown.isEmpty else {
            let names = unknown.map { "'\($0)'" }.joined(separator: ", ")
            throw Problem(.unprocessableContent, .unknownField, "Unknown field \(names)")
        }
    }

    /// `null` counts as absent.
    subscript(name: String) -> JSONValue? {
        assert(known.contains(name), "a field that is read must be known")
        guard let value = members.first(where: { $0.key.utf8.elementsEqual(name.utf8) })?.value, !value.isNull else {
            return nil
        }
        return value
    }

    func text(_ name: String, atMost limit: Int = 10_000) throws(Problem) -> String? {
        guard let value = self[name] else { return nil }
        guard let text = value.string else { throw Self.invalid(name, "must be a text") }
        guard text.unicodeScalars.count <= limit else {
            throw Self.invalid(name, "must have at most \(limit) characters")
        }
        return text
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let value = self[name] else { return nil }
        guard let number = value.int, range.contains(number) else {
            throw Self.invalid(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func bool(_ name: String) throws(Problem) -> Bool? {
        guard let value = self[name] else { return nil }
        guard let bool = value.bool else { throw Self.invalid(name, "must be true or false") }
        return bool
    }

    /// An object as it stands, small enough to be kept with a call.
    func object(_ name: String, atMost limit: Int = 16 << 10) throws(Problem) -> [String: JSONValue]? {
        guard let value = self[name] else { return nil }
        guard let object = value.object else { throw Self.invalid(name, "must be an object") }
        guard value.serialized().count <= limit else { throw Self.invalid(name, "must have at most \(limit) bytes") }
        return Dictionary(object.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    }

    static func invalid(_ name: String, _ message: String) -> Problem {
        Problem(.unprocessableContent, .invalidField, "'\(name)' \(message)")
    }
}

extension Request {
    /// The body, if it is not too large.
    func bytes() async throws -> [UInt8] {
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > JSONBody.maximumBytes {
            throw Problem.bodyTooLarge
        }
        do {
            let buffer = try await body.collect(upTo: JSONBody.maximumBytes)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw Problem.bodyTooLarge
        }
    }
}

extension Problem {
    fileprivate static let bodyTooLarge = Problem(
        .contentTooLarge,
        .bodyTooLarge,
        "The body must have at most \(JSONBody.maximumBytes) bytes"
    )
}
