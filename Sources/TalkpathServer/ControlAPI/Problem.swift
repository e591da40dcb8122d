import HTTPTypes
import Hummingbird
import NIOCore
import TalkpathStore
import TalkpathWire

/// The reason for which a request was refused: RFC 9457, with `success` and `error` for clients that do not know that
/// format.
struct Problem: Error {
    enum Code: String, Sendable, CaseIterable {
        case malformedJSON = "malformed_json"
        case bodyTooLarge = "body_too_large"
        case missingField = "missing_field"
        case unknownField = "unknown_field"
        case invalidField = "invalid_field"
        case unsupportedOption = "unsupported_option"
        case unauthorized
        case methodNotAllowed = "method_not_allowed"
        case forbidden
        case notFound = "not_found"
        case invalidNumber = "invalid_number"
        case emergencyNumber = "emergency_number"
        case premiumNumber = "premium_number"
        case numberTypeNotAllowed = "number_type_not_allowed"
        case destinationNotAllowed = "destination_not_allowed"
        case callerNotAllowed = "caller_not_allowed"
        case originNotAllowed = "origin_not_allowed"
        case callNotFound = "call_not_found"
        case callActive = "call_active"
        case callAlreadyEnded = "call_already_ended"
        case agentNotFound = "agent_not_found"
        case numberTaken = "number_taken"
        case recordingNotFound = "recording_not_found"
        case notAnswered = "not_answered"
        case agentNotReady = "agent_not_ready"
        case agentSilent = "agent_silent"
        case busy
        case notPossibleNow = "not_possible_now"
        case idempotencyConflict = "idempotency_conflict"
        case rateLimited = "rate_limited"
        case quotaExceeded = "quota_exceeded"
        case tooManyCalls = "too_many_calls"
        case tooManyFollowers = "too_many_followers"
        case tooManyAgents = "too_many_agents"
        case tooManyConnections = "too_many_connections"
        case draining
        case storeUnavailable = "store_unavailable"
        case nodeUnreachable = "node_unreachable"
        case carrierError = "carrier_error"
        case transferFailed = "transfer_failed"
        case carrierNotConfigured = "carrier_not_configured"
        case internalError = "internal_error"
    }

    var status: HTTPResponse.Status
    var code: Code
    /// A message for people.
    var detail: String
    /// The text of `error`, if it differs from the detail.
    var error: String?
    /// Further members of the body.
    var members: [(key: String, value: JSONValue)] = []
    var headers: HTTPFields = [:]

    init(_ status: HTTPResponse.Status, _ code: Code, _ detail: String) {
        self.status = status
        self.code = code
        self.detail = detail
    }

    func with(_ key: String, _ value: JSONValue) -> Problem {
        var problem = self
        problem.members.append((key: key, value: value))
        return problem
    }

    func retry(after seconds: Int) -> Problem {
        var problem = self
        problem.headers[.retryAfter] = String(seconds)
        return problem
    }

    var response: Response {
        let standard: [(key: String, value: JSONValue)] = [
            (key: "success", value: false), (key: "error", value: .string(error ?? detail)),
            (key: "code", value: .string(code.rawValue)), (key: "type", value: "about:blank"),
            (key: "title", value: .string(status.reasonPhrase)), (key: "status", value: JSONValue(status.code)),
            (key: "detail", value: .string(detail)),
        ]
        var response = Response.json(
            .object(standard + members),
            status: status,
            contentType: "application/problem+json"
        )
        response.headers.append(contentsOf: headers)
        return response
    }
}

extension Problem {
    static let callNotFound = Problem(.notFound, .callNotFound, "Call not found")

    static let agentNotFound = Problem(.notFound, .agentNotFound, "Agent not found")

    static let storeUnavailable = Problem(
        .serviceUnavailable,
        .storeUnavailable,
        "The store cannot be written, because the disk is full, for example, or it is behind with its writes: try again later"
    ).retry(after: 5)

    /// The answer to an error that no handler expected.
    init(unexpected error: any Error) {
        switch error as? StoreError {
        case let error? where error.isOfTheStore: self = .storeUnavailable
        case let error? where error.code == .unreadable:
            self = Problem(
                .internalServerError,
                .internalError,
                "The stored record cannot be read: the log has the details"
            )
        default: self = Problem(.internalServerError, .internalError, "Internal error: the log has the details")
        }
    }

    static let draining = Problem(
        .serviceUnavailable,
        .draining,
        "The server is stopping and accepts no new calls"
    ).retry(after: 5)
}

extension Response {
    static func json(
        _ json: JSONValue,
        status: HTTPResponse.Status = .ok,
        contentType: String = "application/json; charset=utf-8"
    ) -> Response {
        Response(
            status: status,
            headers: [.contentType: contentType, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.serialized()))
        )
    }
}
