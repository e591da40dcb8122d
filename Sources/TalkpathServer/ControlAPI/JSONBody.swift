import HTTPTypes
import Hummingbird
import NIOCore
import TalkpathWire

/// The body of a request: one JSON object that matches a schema.
struct JSONBody {
    let value: JSONValue

    static let maximumBytes = 1 << 20

    /// - Parameter schema: of an object. A closed schema refuses unknown members, because a misspelt one must not be
    ///   ignored.
    init(_ bytes: [UInt8], _ schema: Schema) throws(Problem) {
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw Problem(.badRequest, .malformedJSON, "The body is not JSON: \(error.detail)")
        }
        if let violation = schema.violation(of: value) { throw Self.problem(violation) }
    }

    /// `null` counts as absent.
    subscript(name: String) -> JSONValue? {
        guard let value = value[name], !value.isNull else { return nil }
        return value
    }

    func text(_ name: String) -> String? { self[name]?.string }

    /// The members of an object.
    func dictionary(_ name: String) -> [String: JSONValue] { AgentDefinition.dictionary(self[name]) }

    static func invalid(_ name: String, _ message: String) -> Problem {
        Problem(.unprocessableContent, .invalidField, "'\(name)' \(message)")
    }

    private static func problem(_ violation: Schema.Violation) -> Problem {
        guard !violation.path.isEmpty else {
            return Problem(.badRequest, .malformedJSON, "The body must be a JSON object")
        }
        return switch violation.kind {
        case .unknownField: Problem(.unprocessableContent, .unknownField, "Unknown field '\(violation.path)'")
        case .missingField: Problem(.badRequest, .missingField, "Missing '\(violation.path)'")
        case .invalid: invalid(violation.path, violation.message)
        }
    }
}

extension Request {
    /// Reads the body. Throws if it is too large.
    func bytes() async throws -> [UInt8] {
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > JSONBody.maximumBytes {
            throw Problem.bodyTooLarge
        }
        do {
            let buffer = try await body.collect(upTo: JSONBody.maximumBytes)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw Problem.bodyTooLarge
        } catch let error where !(error is CancellationError) {
            // The body was cut short, or its chunks are malformed.
            throw Problem(.badRequest, .malformedJSON, "The body could not be read to its end")
        }
    }

    /// Reads the body. An empty body counts as an empty object.
    func bytesOrEmptyObject() async throws -> [UInt8] {
        let bytes = try await bytes()
        return bytes.isEmpty ? Array("{}".utf8) : bytes
    }

    /// The query's fields, decoded.
    func fields() throws(Problem) -> FormParameters {
        do {
            return try FormParameters(decoding: uri.query ?? "")
        } catch {
            throw Problem(.badRequest, .invalidField, "The query cannot be read: \(error)")
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
