/// What a call does once it is answered.
public enum TwilioCallInstructions: Equatable, Sendable {
    /// Twilio asks there.
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

/// Which steps of a call are told to the status callback.
public enum TwilioCallProgress: String, Sendable, CaseIterable {
    case initiated, ringing, answered, completed
}

/// Finding out whether a machine answered.
public struct TwilioMachineDetection: Equatable, Sendable {
    public enum Mode: String, Sendable {
        /// Says at once what answered.
        case enable = "Enable"
        /// Waits for the end of a machine's announcement.
        case detectMessageEnd = "DetectMessageEnd"
    }

    public var mode: Mode
    /// Told when it is known, while the call already goes on. Without it the call's instructions wait for the result,
    /// which takes seconds.
    public var asyncStatusCallback: String?
    /// Give up after so many seconds.
    public var timeoutSeconds: Int?

    public init(mode: Mode = .enable, asyncStatusCallback: String? = nil, timeoutSeconds: Int? = nil) {
        self.mode = mode
        self.asyncStatusCallback = asyncStatusCallback
        self.timeoutSeconds = timeoutSeconds
    }
}

/// A call to be placed.
public struct TwilioCallCreation: Equatable, Sendable {
    /// E.164.
    public var to: String
    /// E.164; a number of the account, or one it has verified.
    public var from: String
    public var instructions: TwilioCallInstructions
    public var statusCallback: String?
    /// Only ``TwilioCallProgress/completed`` where empty.
    public var statusCallbackEvents: [TwilioCallProgress]
    /// How long it may ring; 60 where absent, 600 at most.
    public var ringTimeoutSeconds: Int?
    /// After so long Twilio ends the call, whatever becomes of us.
    public var timeLimitSeconds: Int?
    public var machineDetection: TwilioMachineDetection?
    /// Further parameters in Twilio's own words.
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
    /// Ends it, in whatever state it is.
    case complete
    /// Ends it if it is queued or ringing, and lets it go on if it has been answered.
    case cancel
    /// Other instructions from now on. The stream of the ones before it stops.
    case redirect(TwilioCallInstructions)
    /// Seconds, counted from the beginning of the call.
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
