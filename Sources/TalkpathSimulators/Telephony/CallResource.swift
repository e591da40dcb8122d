internal import Foundation
internal import TalkpathWire

/// The shapes of Twilio's REST answers.
enum CallResource {
    struct Dates: Sendable {
        var created = Date()
        var updated = Date()
        var started: Date?
        var ended: Date?
    }

    static func json(_ record: CallRecord, account: String, dates: Dates, answeredBy: String?) -> JSONValue {
        let uri = "/2010-04-01/Accounts/\(account)/Calls/\(record.sid)"
        func part(_ name: String) -> JSONValue { .string("\(uri)/\(name).json") }
        return [
            "sid": .string(record.sid), "account_sid": .string(account), "parent_call_sid": nil,
            "to": .string(record.to), "from": .string(record.from), "to_formatted": .string(record.to),
            "from_formatted": .string(record.from), "phone_number_sid": nil, "status": .string(record.status),
            "start_time": date(dates.started), "end_time": date(dates.ended),
            "duration": record.durationSeconds.map { .string(String($0)) } ?? nil, "price": nil, "price_unit": "USD",
            "direction": .string(record.direction), "answered_by": answeredBy.map { .string($0) } ?? nil,
            "api_version": "2010-04-01", "forwarded_from": nil, "group_sid": nil, "caller_name": nil, "annotation": nil,
            "queue_time": "0", "trunk_sid": nil, "date_created": date(dates.created),
            "date_updated": date(dates.updated), "uri": .string(uri + ".json"),
            "subresource_uris": [
                "notifications": part("Notifications"), "recordings": part("Recordings"), "streams": part("Streams"),
                "transcriptions": part("Transcriptions"), "events": part("Events"), "siprec": part("Siprec"),
                "payments": part("Payments"), "user_defined_messages": part("UserDefinedMessages"),
                "user_defined_message_subscriptions": part("UserDefinedMessageSubscriptions"),
            ],
        ]
    }

    static func error(_ error: RESTError) -> JSONValue {
        [
            "code": JSONValue(error.code), "message": .string(error.message),
            "more_info": .string("https://www.twilio.com/docs/errors/\(error.code)"), "status": JSONValue(error.status),
        ]
    }

    static func date(_ date: Date?) -> JSONValue {
        date.map { .string(rfc2822($0)) } ?? nil
    }

    static func rfc2822(_ date: Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss +0000"
        return formatter.string(from: date)
    }
}

/// A refusal of the carrier's REST interface.
struct RESTError: Error, Equatable {
    var status: Int
    var code: Int
    var message: String

    static let unauthorized = RESTError(status: 401, code: 20003, message: "Authenticate")
    static let inProgress = RESTError(
        status: 409,
        code: 20009,
        message: "Cannot delete this resource before it is complete"
    )
    static func notOwned(_ number: String) -> RESTError {
        .invalid(
            21210,
            "The source phone number provided, \(number), is not yet verified for your account. You may only make calls "
                + "from phone numbers that you've verified or purchased from Twilio."
        )
    }
    static let notInProgress = RESTError(
        status: 400,
        code: 21220,
        message: "Call is not in-progress. Cannot redirect."
    )
    static func notFound(_ path: String) -> RESTError {
        RESTError(status: 404, code: 20404, message: "The requested resource \(path) was not found")
    }
    static let tooManyRequests = RESTError(status: 429, code: 20429, message: "Too Many Requests")
    static func invalid(_ code: Int, _ message: String) -> RESTError {
        RESTError(status: 400, code: code, message: message)
    }
}
