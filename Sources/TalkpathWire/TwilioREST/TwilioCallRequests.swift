/// The instructions for a call once it is answered.
public enum TwilioCallInstructions: Equatable, Sendable {
    /// A URL from which Twilio fetches the instructions.
    case url(String)
    /// At most ``TwiML/maximumInlineLength`` characters.
    case twiml(TwiML)
    case application(sid: String)

    func append(to form: inout FormParameters) throws(TwilioRequestError) {
        switch self {
        case .url(let url):
            form.append("Url", url)
        case .twiml(let twiml):
            guard twiml.xml.utf16.count <= TwiML.maximumInlineLength else { throw TwilioRequestError(.twimlTooLong) }
            form.append("Twiml", twiml.xml)
        case .application(let sid):
            form.append("ApplicationSid", sid)
        }
    }
}

/// The steps of a call that are reported to the status callback.
public enum TwilioCallProgress: String, Sendable, CaseIterable {
    case initiated, ringing, answered, completed
}

/// Answering machine detection.
public struct TwilioMachineDetection: Equatable, Sendable {
    public enum Mode: String, Sendable {
        /// Reports at once what answered.
        case enable = "Enable"
        /// Waits for the end of a machine's announcement.
        case detectMessageEnd = "DetectMessageEnd"
    }

    public var mode: Mode
    /// The URL for the result, which arrives while the call already continues. Without it the call's instructions wait
    /// for the result, which takes seconds.
    public var asyncStatusCallback: String?
    /// The time after which the detection gives up, in seconds.
    public var timeoutSeconds: Int?

    public init(mode: Mode = .enable, asyncStatusCallback: String? = nil, timeoutSeconds: Int? = nil) {
        self.mode = mode
        self.asyncStatusCallback = asyncStatusCallback
        self.timeoutSeconds = timeoutSeconds
    }
}

/// A call to place.
public struct TwilioCallCreation: Equatable, Sendable {
    /// E.164.
    public var to: String
    /// E.164; a number of the account, or one that the account has verified.
    public var from: String
    public var instructions: TwilioCallInstructions
    public var statusCallback: String?
    /// The reported steps; if empty, only ``TwilioCallProgress/completed``.
    public var statusCallbackEvents: [TwilioCallProgress]
    /// The longest ringing time in seconds; 60 by default, at most 600.
    public var ringTimeoutSeconds: Int?
    /// The time in seconds after which Twilio ends the call, even if this process is gone.
    public var timeLimitSeconds: Int?
    public var machineDetection: TwilioMachineDetection?
    /// Further parameters, by Twilio's names.
    public var extra: FormParameters

    public init(
        to: String,
        from: String,
        instructions: TwilioCallInstructions,
        statusCallback: String? = nil,
        statusCallbackEvents: [TwilioCallProgress] = [],
        ringTimeoutSeconds: Int? = nil,
        timeLimitSeconds: Int? = nil,
        machineDetection: TwilioMachineDetection? = nil,
        extra: FormParameters = [:]
    ) {
        self.to = to
        self.from = from
        self.instructions = instructions
        self.statusCallback = statusCallback
        self.statusCallbackEvents = statusCallbackEvents
        self.ringTimeoutSeconds = ringTimeoutSeconds
        self.timeLimitSeconds = timeLimitSeconds
        self.machineDetection = machineDetection
        self.extra = extra
    }

    func form() throws(TwilioRequestError) -> FormParameters {
        var form: FormParameters = ["To": to, "From": from]
        try instructions.append(to: &form)
        form.append("StatusCallback", statusCallback)
        for event in statusCallbackEvents { form.append("StatusCallbackEvent", event.rawValue) }
        form.append("Timeout", ringTimeoutSeconds.map(String.init))
        form.append("TimeLimit", timeLimitSeconds.map(String.init))
        if let detection = machineDetection {
            form.append("MachineDetection", detection.mode.rawValue)
            form.append("MachineDetectionTimeout", detection.timeoutSeconds.map(String.init))
            if let callback = detection.asyncStatusCallback {
                form.append("AsyncAmd", "true")
                form.append("AsyncAmdStatusCallback", callback)
            }
        }
        form.append(extra)
        return form
    }
}

extension TwilioCallCreation: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "call to be placed" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["statusCallbackEvents": statusCallbackEvents]) }
}

/// A change to a live call.
public enum TwilioCallUpdate: Equatable, Sendable {
    /// Ends the call in any state.
    case complete
    /// Ends the call if it is queued or ringing, and lets it continue if it has been answered.
    case cancel
    /// Replaces the instructions from now on. The stream of the earlier ones stops.
    case redirect(TwilioCallInstructions)
    /// Limits the call's length, in seconds from its beginning.
    case timeLimit(seconds: Int)

    func form() throws(TwilioRequestError) -> FormParameters {
        var form: FormParameters = [:]
        switch self {
        case .complete: form.append("Status", "completed")
        case .cancel: form.append("Status", "canceled")
        case .redirect(let instructions): try instructions.append(to: &form)
        case .timeLimit(let seconds): form.append("TimeLimit", String(seconds))
        }
        return form
    }
}
