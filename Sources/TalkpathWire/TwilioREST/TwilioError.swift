/// A request Twilio did not fulfil.
public struct TwilioError: Error, Equatable, Sendable {
    /// What to make of it.
    public enum Kind: Equatable, Sendable {
        /// The call to be changed has ended or is none of ours: nothing is left to hang up. Codes 21220 and 20404.
        case alreadyOver
        /// Credentials are wrong, or do not allow this.
        case unauthorized
        /// Too many requests: the same one may succeed later. With jitter, and no sooner than this.
        case rateLimited(retryAfter: Duration?)
        /// Repeating it will not help.
        case invalidRequest
        /// Twilio, or something on the way to it, is in trouble: the same request may succeed later.
        case server
        /// No answer of Twilio's API as we know it: a wrong base address, a proxy.
        case unexpected
    }

    /// Of the HTTP response.
    public var status: Int
    /// Of Twilio's list of errors.
    public var code: Int?
    /// Twilio's words. May hold phone numbers: for the one who asked, not for logs.
    public var message: String
    /// The header, where it gives seconds.
    public var retryAfter: Duration?

    init(status: Int, code: Int?, message: String, retryAfter: Duration?) {
        self.status = status
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
    }

    /// Reads Twilio's own shape (`code`, `message`), problem details (RFC 9457: `code`, `title`, `detail`), and makes do
    /// with anything else.
    ///
    /// - Parameter retryAfter: the header; a date in it is not understood, as no clock is read here.
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

    /// A status without one of Twilio's codes never counts as ``Kind/alreadyOver``: a proxy's 404 hangs nothing up.
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

    /// Whether the same request may succeed later. Only what is idempotent should be repeated: never placing a call.
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
