internal import TalkpathAudio

/// The parameters of the carrier's calls resource, checked more strictly than the carrier itself does: a misspelled
/// parameter is refused instead of ignored.
struct CallRequest: Sendable {
    /// The source of a call's instructions.
    enum Source: Sendable, Equatable {
        case url(String, method: String)
        case inline(String)
    }

    var to = ""
    var from = ""
    var source: Source?
    var status: String?
    var statusCallback: String?
    var statusEvents: Set<String> = ["completed"]
    var timeout = Duration.seconds(60)
    var timeLimit: Duration?
    var detectsMachine = false
    /// Recorded from the answer to the end.
    var records = false
    /// Told of what answered while the call goes on; without it, instructions are asked for with the result.
    var detectionCallback: String?

    private static let createNames: Set<String> = [
        "To", "From", "Url", "Twiml", "ApplicationSid", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback",
        "StatusCallbackMethod", "StatusCallbackEvent", "Timeout", "TimeLimit", "SendDigits", "Record", "CallerId",
        "MachineDetection", "MachineDetectionTimeout", "MachineDetectionSpeechThreshold",
        "MachineDetectionSpeechEndThreshold", "MachineDetectionSilenceTimeout", "AsyncAmd", "AsyncAmdStatusCallback",
        "AsyncAmdStatusCallbackMethod", "CallToken", "CallReason", "ClientNotificationUrl", "Byoc", "Trim",
        "RecordingChannels", "RecordingStatusCallback", "RecordingStatusCallbackMethod", "RecordingTrack",
        "RecordingStatusCallbackEvent",
    ]
    private static let updateNames: Set<String> = [
        "Status", "Url", "Twiml", "Method", "FallbackUrl", "FallbackMethod", "StatusCallback", "StatusCallbackMethod",
        "TimeLimit",
    ]

    static func create(_ form: FormFields) throws(RESTError) -> CallRequest {
        try checkNames(form, createNames)
        var request = CallRequest()
        guard let to = form["To"], !to.isEmpty else { throw .invalid(21201, "No 'To' number is specified") }
        guard isAddress(to) else { throw .invalid(21211, "Invalid 'To' Phone Number: \(to)") }
        guard let from = form["From"], !from.isEmpty else { throw .invalid(21213, "No 'From' number is specified") }
        guard isAddress(from) else { throw .invalid(21212, "Invalid 'From' Phone Number: \(from)") }
        request.to = to
        request.from = from
        let sources = ["Url", "Twiml", "ApplicationSid"].filter { form[$0] != nil }
        guard sources.count == 1 else {
            throw .invalid(21205, "Exactly one of 'Url', 'Twiml' and 'ApplicationSid' is needed, got \(sources)")
        }
        try request.readCommon(form)
        guard request.source != nil else { throw .invalid(21205, "ApplicationSid is not known here") }
        let events = form.values("StatusCallbackEvent").flatMap { $0.split(separator: " ").map(String.init) }
        for event in events where !["initiated", "ringing", "answered", "completed"].contains(event) {
            throw .invalid(21626, "Invalid StatusCallbackEvent: \(event)")
        }
        if !events.isEmpty { request.statusEvents = Set(events) }
        request.timeout = .seconds(try number(form, "Timeout", 1...600) ?? 60)
        if let detection = form["MachineDetection"] {
            guard ["Enable", "DetectMessageEnd"].contains(detection) else {
                throw .invalid(21218, "Invalid MachineDetection: \(detection)")
            }
            request.detectsMachine = true
        }
        try request.readDetectionCallback(form)
        if let record = form["Record"] {
            guard ["true", "false"].contains(record) else { throw .invalid(21218, "Invalid Record: \(record)") }
            request.records = record == "true"
        }
        return request
    }

    private mutating func readDetectionCallback(_ form: FormFields) throws(RESTError) {
        guard let isAsync = form["AsyncAmd"] else {
            guard form["AsyncAmdStatusCallback"] == nil else {
                throw .invalid(21218, "AsyncAmdStatusCallback without AsyncAmd")
            }
            return
        }
        guard ["true", "false"].contains(isAsync) else { throw .invalid(21218, "Invalid AsyncAmd: \(isAsync)") }
        guard isAsync == "true" else { return }
        guard detectsMachine else { throw .invalid(21218, "AsyncAmd without MachineDetection") }
        if let value = form["AsyncAmdStatusCallback"] {
            guard let url = PlainURL(value), ["http", "https"].contains(url.scheme) else {
                throw .invalid(21609, "AsyncAmdStatusCallback is not a valid URL: \(value)")
            }
        }
        detectionCallback = form["AsyncAmdStatusCallback"]
    }

    static func update(_ form: FormFields) throws(RESTError) -> CallRequest {
        try checkNames(form, updateNames)
        var request = CallRequest()
        if let status = form["Status"] {
            guard ["completed", "canceled"].contains(status) else {
                throw .invalid(21218, "Invalid Status: \(status). Only completed and canceled may be asked for")
            }
            request.status = status
        }
        try request.readCommon(form)
        guard request.status != nil || request.source != nil || request.timeLimit != nil else {
            throw .invalid(21218, "Nothing to update")
        }
        guard request.status == nil || request.source == nil else {
            throw .invalid(21218, "Status and a redirection exclude each other")
        }
        return request
    }

    private mutating func readCommon(_ form: FormFields) throws(RESTError) {
        let method = form["Method"] ?? "POST"
        for name in ["Method", "FallbackMethod", "StatusCallbackMethod"] {
            guard let value = form[name] else { continue }
            guard ["GET", "POST"].contains(value) else { throw .invalid(21218, "Invalid \(name): \(value)") }
        }
        for name in ["Url", "FallbackUrl", "StatusCallback"] {
            guard let value = form[name] else { continue }
            guard let url = PlainURL(value), ["http", "https"].contains(url.scheme) else {
                throw .invalid(name == "StatusCallback" ? 21609 : 21205, "\(name) is not a valid URL: \(value)")
            }
        }
        if let url = form["Url"] { source = .url(url, method: method) }
        if let twiml = form["Twiml"] {
            guard source == nil else { throw .invalid(21205, "Url and Twiml exclude each other") }
            guard twiml.utf8.count <= 4000 else { throw .invalid(21218, "Twiml is longer than 4000 characters") }
            source = .inline(twiml)
        }
        statusCallback = form["StatusCallback"]
        timeLimit = try Self.number(form, "TimeLimit", 1...86400).map { .seconds($0) }
    }

    private static func checkNames(_ form: FormFields, _ known: Set<String>) throws(RESTError) {
        for field in form.fields where !known.contains(field.name) {
            throw .invalid(20001, "Unknown parameter: \(field.name)")
        }
        for name in Set(form.fields.map(\.name)) where name != "StatusCallbackEvent" && form.values(name).count > 1 {
            throw .invalid(20001, "Parameter given more than once: \(name)")
        }
    }

    private static func number(
        _ form: FormFields,
        _ name: String,
        _ range: ClosedRange<Int>
    ) throws(RESTError) -> Int? {
        guard let text = form[name] else { return nil }
        guard let value = Int(text), range.contains(value) else { throw .invalid(21218, "Invalid \(name): \(text)") }
        return value
    }

    private static func isAddress(_ text: String) -> Bool {
        if text.hasPrefix("sip:") || text.hasPrefix("client:") { return text.utf8.count > 7 }
        let digits = text.dropFirst()
        return text.hasPrefix("+") && (7...15).contains(digits.utf8.count)
            && digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            && digits.first != "0"
    }
}
