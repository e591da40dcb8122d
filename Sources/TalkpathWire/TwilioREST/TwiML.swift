/// Instructions for a call in Twilio's XML.
///
/// Every document ends the call when it has been carried out.
public struct TwiML: Equatable, Sendable {
    /// The most characters that ``TwilioCallInstructions/twiml(_:)`` can send within a request.
    public static let maximumInlineLength = 4000
    /// The most characters of one `<Say>`.
    public static let maximumSpokenLength = 4096
    /// The length that a stream parameter's name and value together must stay below, in characters.
    public static let parameterLengthLimit = 500

    public enum RejectReason: String, Sendable {
        case busy, rejected
    }

    /// The document.
    public let xml: String

    /// Connects the call to a WebSocket and hangs up once that is closed.
    ///
    /// - Parameters:
    ///   - url: `wss://…` (`ws` for tests), without a query, which Twilio does not accept here.
    ///   - parameters: Twilio returns these in the stream's `start`. The name must not be empty. Name and value
    ///     together must be shorter than ``parameterLengthLimit``.
    ///   - statusCallback: the URL that Twilio calls when the stream starts, stops or fails.
    public static func connectStream(
        url: String,
        parameters: [(name: String, value: String)] = [],
        name: String? = nil,
        statusCallback: String? = nil
    ) throws(TwiMLError) -> TwiML {
        guard url.hasPrefix("wss://") || url.hasPrefix("ws://"),
            !url.utf8.contains(UInt8(ascii: "?")), !url.utf8.contains(UInt8(ascii: "#"))
        else {
            throw TwiMLError(.invalidStreamURL, "wss, without query or fragment")
        }
        var stream = XMLElement("Stream")
        try stream.set("url", url)
        try stream.set("name", name)
        try stream.set("statusCallback", statusCallback)
        for parameter in parameters {
            guard !parameter.name.isEmpty else { throw TwiMLError(.invalidParameter, "a parameter needs a name") }
            guard parameter.name.utf16.count + parameter.value.utf16.count < parameterLengthLimit else {
                throw TwiMLError(.parameterTooLong, parameter.name)
            }
            var element = XMLElement("Parameter")
            try element.set("name", parameter.name)
            try element.set("value", parameter.value)
            stream.children.append(element)
        }
        return TwiML([XMLElement("Connect", children: [stream]), XMLElement("Hangup")])
    }

    /// Rejects an incoming call. That costs nothing; the caller hears the tone for the reason.
    public static func reject(reason: RejectReason) -> TwiML {
        var element = XMLElement("Reject")
        element.setWord("reason", reason.rawValue)
        return TwiML([element])
    }

    /// Speaks a text in the carrier's own voice and hangs up.
    ///
    /// - Parameter text: at most ``maximumSpokenLength`` characters. Characters that XML cannot hold are left out.
    public static func say(_ text: String, voice: String? = nil, language: String? = nil) throws(TwiMLError) -> TwiML {
        TwiML([try spoken(text, voice: voice, language: language), XMLElement("Hangup")])
    }

    private static func spoken(
        _ text: String,
        voice: String? = nil,
        language: String?
    ) throws(TwiMLError) -> XMLElement {
        guard text.utf16.count <= maximumSpokenLength else { throw TwiMLError(.textTooLong, "Say") }
        var element = XMLElement("Say", text: text)
        try element.set("voice", voice)
        try element.set("language", language)
        return element
    }

    public static let hangup = TwiML([XMLElement("Hangup")])

    /// Connects the caller to a number, and hangs up when that conversation ends or cannot be started.
    ///
    /// - Parameters:
    ///   - number: E.164: `+` and 2 to 15 digits.
    ///   - callerID: the number shown to the called party; by default the call's own number.
    ///   - timeout: the longest ringing time in seconds.
    ///   - timeLimit: the longest conversation in seconds.
    ///   - words: spoken to the caller first, in Twilio's voice; at most ``maximumSpokenLength`` characters.
    ///   - action: the URL that Twilio asks for further instructions when it is over; see ``TwilioDialCallback``.
    ///   - statusCallback: the URL that Twilio calls when the other party answers and when that leg is over.
    public static func dial(
        _ number: String,
        callerID: String? = nil,
        timeout: Int? = nil,
        timeLimit: Int? = nil,
        saying words: String? = nil,
        language: String? = nil,
        action: String? = nil,
        statusCallback: String? = nil
    ) throws(TwiMLError) -> TwiML {
        let digits = number.utf8.dropFirst()
        guard number.utf8.first == UInt8(ascii: "+"), (2...15).contains(digits.count),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { throw TwiMLError(.invalidNumber, "E.164: + and 2 to 15 digits") }
        var element = XMLElement("Dial", text: statusCallback == nil ? number : "")
        try element.set("action", action)
        try element.set("callerId", callerID)
        try element.set("timeout", timeout.map(String.init))
        try element.set("timeLimit", timeLimit.map(String.init))
        if let statusCallback {
            var dialled = XMLElement("Number", text: number)
            try dialled.set("statusCallback", statusCallback)
            dialled.setWord("statusCallbackEvent", "answered completed")
            element.children.append(dialled)
        }
        let spoken = try words.map { text throws(TwiMLError) in try Self.spoken(text, language: language) }
        return TwiML([spoken, element, XMLElement("Hangup")].compactMap { $0 })
    }

    private init(_ verbs: [XMLElement]) {
        xml = #"<?xml version="1.0" encoding="UTF-8"?>"# + XMLElement("Response", children: verbs).text
    }
}

/// Shows only the size: parameters are secret, numbers and texts are private.
extension TwiML: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "TwiML of \(xml.utf8.count) bytes" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["bytes": xml.utf8.count]) }
}

/// The reason why instructions cannot be written.
public struct TwiMLError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case invalidStreamURL
        case invalidParameter
        case parameterTooLong
        case textTooLong
        case invalidNumber
        /// XML 1.0 cannot represent the character, and an attribute must arrive unchanged.
        case illegalCharacter
    }

    public var code: Code
    /// The expected form, or the name concerned; never a value.
    public var detail: String

    init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    public var description: String { "\(code.rawValue): \(detail)" }
}
