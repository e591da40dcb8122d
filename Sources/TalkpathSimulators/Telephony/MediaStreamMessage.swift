internal import TalkpathWire

/// A message of a bridge to the carrier, read as strictly as the carrier's documentation has it: exactly these fields.
enum MediaStreamMessage: Equatable {
    case media([UInt8])
    case mark(name: String)
    case clear

    struct Fault: Error, Equatable {
        var detail: String
    }

    init(_ text: RawSpan, streamSID: String) throws(Fault) {
        let message: JSONValue
        do throws(WireError) {
            message = try JSONValue(parsing: text)
        } catch {
            throw Fault(detail: "not JSON: \(error)")
        }
        guard let event = message["event"]?.string else { throw Fault(detail: "no event") }
        let fields: [String] =
            switch event {
            case "media": ["event", "streamSid", "media"]
            case "mark": ["event", "streamSid", "mark"]
            case "clear": ["event", "streamSid"]
            default: throw Fault(detail: "unknown event \(event)")
            }
        try Self.require(fields, of: message, in: event)
        guard let sid = message["streamSid"]?.string, sid == streamSID else {
            throw Fault(detail: "\(event): a wrong streamSid")
        }
        switch event {
        case "media": self = .media(try Self.payload(of: message["media"]))
        case "mark":
            try Self.require(["name"], of: message["mark"], in: "mark.mark")
            guard let name = message["mark"]?["name"]?.string else { throw Fault(detail: "mark: the name is no text") }
            self = .mark(name: name)
        default: self = .clear
        }
    }

    private static func payload(of media: JSONValue?) throws(Fault) -> [UInt8] {
        try require(["payload"], of: media, in: "media.media")
        guard let text = media?["payload"]?.string else { throw Fault(detail: "media: the payload is no text") }
        guard let audio = PlainBase64.decode(text, .standard) else {
            throw Fault(detail: "media: the payload is not standard base64")
        }
        guard !audio.isEmpty else { throw Fault(detail: "media: the payload is empty") }
        return audio
    }

    private static func require(_ fields: [String], of value: JSONValue?, in place: String) throws(Fault) {
        guard let members = value?.object else { throw Fault(detail: "\(place) is no object") }
        for member in members where !fields.contains(member.key) {
            throw Fault(detail: "\(place) has an unknown field \(member.key)")
        }
        for field in fields where value?[field] == nil { throw Fault(detail: "\(place) lacks \(field)") }
    }
}
