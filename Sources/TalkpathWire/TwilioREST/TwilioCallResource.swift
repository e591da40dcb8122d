/// A call as Twilio describes it (vendor page "Call resource").
public struct TwilioCallResource: Equatable, Sendable {
    public var sid: String
    public var accountSID: String?
    public var parentCallSID: String?
    public var to: String?
    public var from: String?
    public var status: TwilioCallStatus
    public var direction: TwilioCallDirection?
    public var answeredBy: TwilioAnsweredBy?
    /// Seconds from answer to end; `nil` until the call is over.
    public var duration: Int?
    /// Milliseconds that the call waited to be placed.
    public var queueTime: Int?
    /// RFC 2822 text, unparsed.
    public var dateCreated: String?
    public var startTime: String?
    public var endTime: String?

    /// Reads the answer to a request.
    ///
    /// - Parameters:
    ///   - status: the status of the HTTP response.
    ///   - retryAfter: the value of the header `Retry-After`.
    /// - Throws: the error that Twilio, or a server on the way to it, reported.
    public init(status: Int, retryAfter: String? = nil, body: [UInt8]) throws(TwilioError) {
        guard (200..<300).contains(status) else {
            throw TwilioError(status: status, retryAfter: retryAfter, body: body)
        }
        guard let json = try? JSONValue(parsing: body), let call = TwilioCallResource(json) else {
            throw TwilioError(status: status, code: nil, message: "the answer holds no call", retryAfter: nil)
        }
        self = call
    }

    /// Reads the answer to ``TwilioAccount/listCalls(from:to:limit:)``. Entries that are no calls are left out.
    public static func list(
        status: Int,
        retryAfter: String? = nil,
        body: [UInt8]
    ) throws(TwilioError) -> [TwilioCallResource] {
        guard (200..<300).contains(status) else {
            throw TwilioError(status: status, retryAfter: retryAfter, body: body)
        }
        guard let json = try? JSONValue(parsing: body), let calls = json["calls"]?.array else {
            throw TwilioError(status: status, code: nil, message: "the answer holds no calls", retryAfter: nil)
        }
        return calls.compactMap { TwilioCallResource($0) }
    }

    init?(_ json: JSONValue) {
        guard let sid = json["sid"]?.string, let status = json["status"]?.string else { return nil }
        self.sid = sid
        self.status = TwilioCallStatus(status)
        accountSID = json["account_sid"]?.string
        parentCallSID = json["parent_call_sid"]?.string
        to = json["to"]?.string
        from = json["from"]?.string
        direction = json["direction"]?.string.map(TwilioCallDirection.init)
        answeredBy = json["answered_by"]?.string.map(TwilioAnsweredBy.init)
        duration = json["duration"]?.lenientInt
        queueTime = json["queue_time"]?.lenientInt
        dateCreated = json["date_created"]?.string
        startTime = json["start_time"]?.string
        endTime = json["end_time"]?.string
    }
}

extension TwilioCallResource: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "call \(sid), \(status)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["sid": sid, "status": status]) }
}

extension JSONValue {
    /// A number, or digits in a string: Twilio writes both.
    var lenientInt: Int? { int ?? string.flatMap { Int($0) } }
}
