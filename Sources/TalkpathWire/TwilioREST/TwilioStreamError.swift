/// A media stream's error from a `stream-error` callback (vendor pages "Stream" and "Error and warning dictionary",
/// 31900–31999).
public struct TwilioStreamError: Equatable, Hashable, Sendable {
    public enum Effect: Sendable {
        /// The stream continues.
        case warning
        /// The stream is over, or never began.
        case fatal
        /// Twilio saw the server close the socket, which a server also does to end a stream.
        case closedByServer
    }

    /// The code in Twilio's list; `nil` if the text has none.
    public var code: Int?
    public var effect: Effect
    /// The message, from the table below or from Twilio.
    public var message: String

    /// - Parameter text: a number, words, or both, in any order.
    public init(_ text: String) {
        code = Self.code(in: text)
        let known = code.flatMap { Self.known[$0] }
        effect = known?.effect ?? .fatal
        message = known?.message ?? (text.isEmpty ? "the media stream failed" : String(text.prefix(200)))
    }

    private static func code(in text: String) -> Int? {
        text.split { !$0.isASCII || !$0.isNumber }.lazy.filter { $0.utf8.count == 5 }.compactMap { Int($0) }.first
    }

    private static let known: [Int: (effect: Effect, message: String)] = [
        31901: (.fatal, "the carrier could not connect to the media socket in time"),
        31903: (.fatal, "the media socket broke"),
        31910: (.fatal, "the TLS handshake of the media socket failed"),
        31920: (.fatal, "the media socket was not accepted"),
        31921: (.closedByServer, "the server closed the media socket"),
        31924: (.fatal, "the media socket broke the WebSocket protocol"),
        31930: (.warning, "the caller's audio was read too slowly, and the carrier dropped some of it"),
        31931: (.warning, "too much audio waits at the carrier, which dropped some of it"),
        31951: (.warning, "the carrier did not understand a media message, and dropped it"),
    ]
}
