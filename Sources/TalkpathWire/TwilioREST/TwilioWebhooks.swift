/// A call's progress, reported to its status callback. Callbacks arrive in any order: sort them by ``sequenceNumber``.
public struct TwilioStatusCallback: Equatable, Sendable {
    public var call: TwilioWebhookCall
    public var status: TwilioCallStatus
    /// Counts the callbacks of a call from 0.
    public var sequenceNumber: Int?
    /// RFC 2822 text, unparsed.
    public var timestamp: String?
    /// Seconds from answer to end; only on the last callback. (Twilio's `Duration` counts started minutes instead.)
    public var callDuration: Int?
    /// The code of the SIP response that ended the dialling: 486 busy, 487 cancelled …
    public var sipResponseCode: Int?
    public var answeredBy: TwilioAnsweredBy?

    /// - Throws: `malformedMessage` if a required field is missing.
    public init(_ form: FormParameters) throws(WireError) {
        call = try TwilioWebhookCall(form)
        status = TwilioCallStatus(try form.required("CallStatus"))
        sequenceNumber = form.int("SequenceNumber")
        timestamp = form["Timestamp"]
        callDuration = form.int("CallDuration")
        sipResponseCode = form.int("SipResponseCode")
        answeredBy = form["AnsweredBy"].map(TwilioAnsweredBy.init)
    }
}

/// Twilio asks for a call's instructions: answer with ``TwiML``.
public struct TwilioVoiceWebhook: Equatable, Sendable {
    public var call: TwilioWebhookCall
    public var status: TwilioCallStatus
    /// Present if machine detection was requested and its result awaited.
    public var answeredBy: TwilioAnsweredBy?

    public init(_ form: FormParameters) throws(WireError) {
        call = try TwilioWebhookCall(form)
        status = TwilioCallStatus(try form.required("CallStatus"))
        answeredBy = form["AnsweredBy"].map(TwilioAnsweredBy.init)
    }
}

/// A `<Dial>` is over, and Twilio asks for the call's next instructions: answer with ``TwiML``.
public struct TwilioDialCallback: Equatable, Sendable {
    /// The call that was connected, not the leg to the other party.
    public var callSID: String
    /// Of that call: the caller may have hung up.
    public var callStatus: TwilioCallStatus
    /// The outcome of the leg to the other party; `completed` or `answered` if the two have talked.
    public var status: TwilioCallStatus
    /// The name of the leg to the other party.
    public var dialCallSID: String?
    /// The time for which the two have talked, in seconds.
    public var dialDuration: Int?

    /// - Throws: `malformedMessage` if a required field is missing.
    public init(_ form: FormParameters) throws(WireError) {
        callSID = try form.required("CallSid")
        callStatus = TwilioCallStatus(form["CallStatus"] ?? "in-progress")
        let word = try form.required("DialCallStatus")
        status = word == "answered" ? .completed : TwilioCallStatus(word)
        dialCallSID = form["DialCallSid"]
        dialDuration = form.int("DialCallDuration")
    }
}

/// The result of machine detection, found while the call continues.
public struct TwilioMachineDetectionCallback: Equatable, Sendable {
    public var callSID: String
    public var answeredBy: TwilioAnsweredBy
    /// The time that the detection took.
    public var detectionMilliseconds: Int?

    public init(_ form: FormParameters) throws(WireError) {
        callSID = try form.required("CallSid")
        answeredBy = TwilioAnsweredBy(try form.required("AnsweredBy"))
        detectionMilliseconds = form.int("MachineDetectionDuration")
    }
}

/// A media stream started, stopped or failed.
public struct TwilioStreamStatusCallback: Equatable, Sendable {
    public enum Event: Hashable, Sendable {
        case started, stopped
        case failed(TwilioStreamError)
        case unknown(String)
    }

    public var callSID: String
    public var streamSID: String
    public var streamName: String?
    public var event: Event
    public var timestamp: String?

    public init(_ form: FormParameters) throws(WireError) {
        callSID = try form.required("CallSid")
        streamSID = try form.required("StreamSid")
        streamName = form["StreamName"]
        timestamp = form["Timestamp"]
        switch try form.required("StreamEvent") {
        case "stream-started": event = .started
        case "stream-stopped": event = .stopped
        case "stream-error": event = .failed(TwilioStreamError(form["StreamError"] ?? ""))
        case let other: event = .unknown(other)
        }
    }
}

/// The call that a webhook concerns.
public struct TwilioWebhookCall: Equatable, Sendable {
    public var callSID: String
    public var accountSID: String?
    public var parentCallSID: String?
    /// E.164, `client:…`, `sip:…`, or a word such as `anonymous`.
    public var from: String?
    public var to: String?
    public var direction: TwilioCallDirection?
    public var callerName: String?
    public var forwardedFrom: String?

    init(_ form: FormParameters) throws(WireError) {
        callSID = try form.required("CallSid")
        accountSID = form["AccountSid"]
        parentCallSID = form["ParentCallSid"]
        from = form["From"]
        to = form["To"]
        direction = form["Direction"].map(TwilioCallDirection.init)
        callerName = form["CallerName"]
        forwardedFrom = form["ForwardedFrom"]
    }
}

extension TwilioWebhookCall: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "call \(callSID)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["callSID": callSID]) }
}

extension FormParameters {
    package func required(_ name: String) throws(WireError) -> String {
        guard let value = self[name], !value.isEmpty else { throw WireError(.malformedMessage, name) }
        return value
    }

    package func int(_ name: String) -> Int? {
        self[name].flatMap { Int($0) }
    }
}
