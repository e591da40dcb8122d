/// A request that Twilio did not fulfil.
public struct TwilioError: Error, Equatable, Sendable {
    /// The meaning of the error for the caller.
    public enum Kind: Equatable, Sendable {
        /// The call to change has ended or is not ours, so nothing is left to hang up. Codes 21220 and 20404.
        case alreadyOver
        /// The credentials are wrong, or do not allow this.
        case unauthorized
        /// Too many requests. The same request may succeed later, with jitter and no sooner than this.
        case rateLimited(retryAfter: Duration?)
        /// Repeating the request will not help.
        case invalidRequest
        /// Twilio, or a server on the way to it, has trouble: the same request may succeed later.
        case server
        /// The answer is not from Twilio's API: a wrong base URL, or a proxy.
        case unexpected
    }

    /// The status of the HTTP response.
    public var status: Int
    /// The code in Twilio's list of errors.
    public var code: Int?
    /// Twilio's message. It may hold phone numbers: show it to the requesting user, but do not log it.
    public var message: String
    /// The header's value, if it is in seconds.
    public var retryAfter: Duration?

    init(status: Int, code: Int?, message: String, retryAfter: Duration?) {
        self.status = status
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
    }

    /// Reads Twilio's own form (`code`, `message`) and problem details (RFC 9457: `code`, `title`, `detail`). Any other
    /// body gives a message with the status only.
    ///
    /// - Parameter retryAfter: the header's value. A date in it is ignored, because no clock is read here.
    public init(status: Int, retryAfter: String? = nil, body: [UInt8]) {
        let json = try? JSONValue(parsing: body)
        let words = json?["message"]?.string ?? json?["detail"]?.string ?? json?["title"]?.string
        self.init(
            status: status,
            code: json?["code"]?.lenientInt,
            message: words ?? "HTTP status \(status)",
            retryAfter: retryAfter.flatMap { Int($0) }.flatMap { $0 < 0 ? nil : .seconds(min($0, 86_400)) }
        )
    }

    /// A status without one of Twilio's codes never means ``Kind/alreadyOver``: a proxy's 404 does not prove that the
    /// call ended.
    public var kind: Kind {
        switch (code, status) {
        case (21220, _), (20404, _): .alreadyOver
        case (20003, _), (_, 401), (_, 403): .unauthorized
        case (20429, _), (_, 429): .rateLimited(retryAfter: retryAfter)
        case (_, 408), (_, 500...): .server
        case (.some, 400..<500), (nil, 400), (nil, 422): .invalidRequest
        default: .unexpected
        }
    }

    /// True if the same request may succeed later. Repeat only idempotent requests: never placing a call.
    public var isTransient: Bool {
        switch kind {
        case .rateLimited, .server: true
        case .alreadyOver, .unauthorized, .invalidRequest, .unexpected: false
        }
    }
}

extension TwilioError: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        "Twilio answered \(status)" + (code.map { ", error \($0)" } ?? "") + " (\(kind))"
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["status": status, "code": code as Any]) }
}
