/// Instructions for a call, in Twilio's XML.
///
/// Every document ends the call when it has been worked through.
public struct TwiML: Equatable, Sendable {
    /// Most characters that ``TwilioCallInstructions/twiml(_:)`` can send along with a request.
    public static let maximumInlineLength = 4000
    /// Most characters of one `<Say>`.
    public static let maximumSpokenLength = 4096
    /// One more than the characters which name and value of a stream's parameter may have together.
    public static let parameterLengthLimit = 500

    public enum RejectReason: String, Sendable {
        case busy, rejected
    }

    /// The document.
    public let xml: String

    /// Connects the call to a WebSocket and hangs up once that is closed.
    ///
    /// - Parameters:
    ///   - url: `wss://…` (`ws` for a laboratory), without query: Twilio takes none there.
    ///   - parameters: arrive with the stream's start. Name and value: at least one character in the name, together
    ///     fewer than ``parameterLengthLimit``.
    ///   - statusCallback: is told when the stream starts, stops and fails.
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

    /// Does not take an incoming call. It costs nothing; the caller hears the tone of the reason.
    public static func reject(reason: RejectReason) -> TwiML {
        var element = XMLElement("Reject")
        element.setWord("reason", reason.rawValue)
        return TwiML([element])
    }

    /// Speaks a text in the carrier's own voice and hangs up.
    ///
    /// - Parameter text: at most ``maximumSpokenLength`` characters. Characters that XML cannot carry are left out.
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

    /// Connects the caller to a number and hangs up when that conversation is over or does not come about.
    ///
    /// - Parameters:
    ///   - number: E.164, `+` and 2 to 15 digits.
    ///   - callerID: shown to the one called; the call's own number where absent.
    ///   - timeout: seconds to let it ring.
    ///   - timeLimit: seconds the conversation may last.
    ///   - words: spoken to the caller first, in Twilio's voice; at most ``maximumSpokenLength`` characters.
    public static func dial(
        _ number: String,
        callerID: String? = nil,
        timeout: Int? = nil,
        timeLimit: Int? = nil,
        saying words: String? = nil,
        language: String? = nil
    ) throws(TwiMLError) -> TwiML {
        let digits = number.utf8.dropFirst()
        guard number.utf8.first == UInt8(ascii: "+"), (2...15).contains(digits.count),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { throw TwiMLError(.invalidNumber, "E.164: + and 2 to 15 digits") }
        var element = XMLElement("Dial", text: number)
        try element.set("callerId", callerID)
        try element.set("timeout", timeout.map(String.init))
        try element.set("timeLimit", timeLimit.map(String.init))
        let spoken = try words.map { text throws(TwiMLError) in try Self.spoken(text, language: language) }
        return TwiML([spoken, element, XMLElement("Hangup")].compactMap { $0 })
    }

    private init(_ verbs: [XMLElement]) {
        xml = #"<?xml version="1.0" encoding="UTF-8"?>"# + XMLElement("Response", children: verbs).text
    }
}

/// Shows verbs' nature only: parameters are secret, numbers and texts private.
extension TwiML: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "TwiML of \(xml.utf8.count) bytes" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["bytes": xml.utf8.count]) }
}

/// Why instructions cannot be written.
public struct TwiMLError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case invalidStreamURL
        case invalidParameter
        case parameterTooLong
        case textTooLong
        case invalidNumber
        /// XML 1.0 has no way to write it, and an attribute must arrive as it was given.
        case illegalCharacter
    }

    public var code: Code
    /// What is expected, or the name concerned; never a value.
    public var detail: String

    init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    public var description: String { "\(code.rawValue): \(detail)" }
}
