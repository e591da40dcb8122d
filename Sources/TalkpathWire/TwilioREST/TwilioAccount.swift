/// An account at Twilio and the credentials for its requests.
///
/// Makes the requests for calls (vendor page "Call resource"). Neither `print` nor `dump` shows the secret.
public struct TwilioAccount: Sendable {
    /// `AC` and 32 hexadecimal digits.
    public let accountSID: String
    /// `https://api.twilio.com`, or `https://api.{edge}.{region}.twilio.com`.
    public let baseURL: String
    private let authorization: String

    /// - Parameters:
    ///   - username: the account's SID, or the SID of an API key (`SK…`).
    ///   - secret: the auth token, or the API key's secret.
    public init(
        accountSID: String,
        username: String,
        secret: String,
        baseURL: String = "https://api.twilio.com"
    ) throws(TwilioRequestError) {
        guard TwilioSID.isWellFormed(accountSID, prefix: "AC") else { throw TwilioRequestError(.invalidAccountSID) }
        self.accountSID = accountSID
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        authorization = "Basic " + TalkpathCrypto.base64(Array("\(username):\(secret)".utf8))
    }

    public init(
        accountSID: String,
        authToken: String,
        baseURL: String = "https://api.twilio.com"
    ) throws(TwilioRequestError) {
        try self.init(accountSID: accountSID, username: accountSID, secret: authToken, baseURL: baseURL)
    }

    /// Places a call. The answer is 201 and the call. Not idempotent: after a time-out the call may or may not have
    /// been placed.
    public func createCall(_ call: TwilioCallCreation) throws(TwilioRequestError) -> HTTPRequestDescription {
        request(.post, path: "/Calls.json", form: try call.form())
    }

    /// Changes a live call. The answer is 200 and the call. Ending a call is idempotent; see
    /// ``TwilioError/Kind/alreadyOver``.
    public func updateCall(
        sid: String,
        _ update: TwilioCallUpdate
    ) throws(TwilioRequestError) -> HTTPRequestDescription {
        request(.post, path: try path(ofCall: sid), form: try update.form())
    }

    public func fetchCall(sid: String) throws(TwilioRequestError) -> HTTPRequestDescription {
        request(.get, path: try path(ofCall: sid), form: nil)
    }

    /// The newest calls from one number to another. The answer is 200 and a page of calls, the newest first.
    public func listCalls(from: String, to: String, limit: Int = 20) -> HTTPRequestDescription {
        let query: FormParameters = ["To": to, "From": from, "PageSize": String(limit)]
        return request(.get, path: "/Calls.json?" + String(decoding: query.encoded(), as: UTF8.self), form: nil)
    }

    /// The SID may come from outside, so it must not lead to another resource.
    private func path(ofCall sid: String) throws(TwilioRequestError) -> String {
        guard TwilioSID.isWellFormed(sid, prefix: "CA") else { throw TwilioRequestError(.invalidCallSID) }
        return "/Calls/\(sid).json"
    }

    private func request(
        _ method: HTTPRequestDescription.Method,
        path: String,
        form: FormParameters?
    ) -> HTTPRequestDescription {
        var headers = [(name: "Authorization", value: authorization), (name: "Accept", value: "application/json")]
        if form != nil { headers.append((name: "Content-Type", value: "application/x-www-form-urlencoded")) }
        return HTTPRequestDescription(
            method: method,
            url: "\(baseURL)/2010-04-01/Accounts/\(accountSID)\(path)",
            headers: headers,
            body: form?.encoded() ?? []
        )
    }
}

extension TwilioAccount: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "Twilio account \(accountSID) at \(baseURL)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["accountSID": accountSID, "baseURL": baseURL]) }
}

/// Twilio's IDs: two letters for the kind, then 32 hexadecimal digits.
public enum TwilioSID {
    /// True if the text can be such an ID. Does not require the full length, so that test doubles may use short IDs.
    /// Accepts no character with a meaning in a URL.
    public static func isWellFormed(_ text: String, prefix: String) -> Bool {
        let digits = text.utf8.dropFirst(prefix.utf8.count)
        return text.utf8.starts(with: prefix.utf8) && (1...64).contains(digits.count)
            && digits.allSatisfy { digit in
                switch digit {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"):
                    true
                default: false
                }
            }
    }
}

/// The reason why a request cannot be made. Nothing was sent.
public struct TwilioRequestError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case invalidAccountSID
        case invalidCallSID
        /// The instructions are longer than ``TwiML/maximumInlineLength``: let Twilio fetch them from a URL instead.
        case twimlTooLong
    }

    public var code: Code

    init(_ code: Code) {
        self.code = code
    }

    public var description: String { code.rawValue }
}
