/// TwiML as far as a call with a media stream needs it.
struct TwiML: Sendable, Equatable {
    enum Verb: Sendable, Equatable {
        case connectStream(Stream)
        case say(String)
        case pause(seconds: Int)
        case dial(Dial)
        case redirect(url: String)
        case hangup
        case reject(reason: String)
    }

    struct Dial: Sendable, Equatable {
        var number: String
        /// Asked for further instructions when the dialling or the conversation is over.
        var action: String?
        var timeout: Int = 30
        var statusCallback: String?
        var statusEvents: [String] = ["completed"]
    }

    struct Stream: Sendable, Equatable {
        var url: String
        var name: String?
        var statusCallback: String?
        var parameters: [MediaStreamModel.Identity.Parameter] = []
    }

    struct Fault: Error, Sendable, Equatable, CustomStringConvertible {
        /// The carrier's code: 12100 for what is not XML, 12200 for what is not TwiML, 319xx for the stream.
        var code: Int
        var detail: String
        var description: String { "\(code): \(detail)" }
    }

    var verbs: [Verb]

    init(parsing text: String) throws(Fault) {
        let root: XMLElement
        do throws(XMLReader.Fault) {
            root = try XMLReader.read(text)
        } catch {
            throw Fault(code: 12100, detail: "not XML: \(error.detail)")
        }
        guard root.name == "Response" else {
            throw Fault(code: 12200, detail: "the root element is \(root.name), not Response")
        }
        var verbs: [Verb] = []
        for element in root.children { verbs.append(try Self.verb(element)) }
        self.verbs = verbs
    }

    private static func verb(_ element: XMLElement) throws(Fault) -> Verb {
        switch element.name {
        case "Connect": return .connectStream(try stream(element))
        case "Say":
            try allow(["voice", "language", "loop"], element)
            return .say(element.text)
        case "Pause":
            try allow(["length"], element)
            return .pause(seconds: try number(element.attributes["length"] ?? "1"))
        case "Dial":
            return .dial(try dial(element))
        case "Redirect": return .redirect(url: element.text)
        case "Hangup":
            try allow([], element)
            return .hangup
        case "Reject":
            try allow(["reason"], element)
            let reason = element.attributes["reason"] ?? "rejected"
            guard ["rejected", "busy"].contains(reason) else {
                throw Fault(code: 12200, detail: "Reject knows no reason \(reason)")
            }
            return .reject(reason: reason)
        default: throw Fault(code: 12200, detail: "unknown verb \(element.name)")
        }
    }

    private static func dial(_ element: XMLElement) throws(Fault) -> Dial {
        try allow(["action", "method", "callerId", "timeout", "timeLimit", "answerOnBridge", "hangupOnStar"], element)
        let child = element.children.first
        guard element.children.count <= 1, child.map({ $0.name == "Number" }) ?? true else {
            throw Fault(code: 12200, detail: "Dial holds at most one Number here")
        }
        var dial = Dial(number: child?.text ?? element.text, action: element.attributes["action"])
        dial.timeout = try number(element.attributes["timeout"] ?? "30")
        if let child {
            try allow(["statusCallback", "statusCallbackEvent", "statusCallbackMethod"], child)
            dial.statusCallback = child.attributes["statusCallback"]
            if let events = child.attributes["statusCallbackEvent"] {
                dial.statusEvents = events.split(separator: " ").map(String.init)
            }
        }
        return dial
    }

    private static func stream(_ connect: XMLElement) throws(Fault) -> Stream {
        try allow(["action", "method"], connect)
        guard connect.children.count == 1, let element = connect.children.first, element.name == "Stream" else {
            throw Fault(code: 12200, detail: "Connect holds exactly one Stream here")
        }
        try allow(["url", "name", "track", "statusCallback", "statusCallbackMethod"], element)
        // The carrier takes wss only; without TLS at hand, ws on this machine will do.
        guard let url = element.attributes["url"], let parts = PlainURL(url),
            parts.scheme == "wss" || (parts.scheme == "ws" && parts.isLoopback)
        else {
            throw Fault(code: 31921, detail: "the Stream's url is no wss URL")
        }
        guard parts.query == nil else {
            throw Fault(code: 31920, detail: "the Stream's url has a query string, which is not supported")
        }
        if let track = element.attributes["track"], track != "inbound_track" {
            throw Fault(code: 31941, detail: "a bidirectional Stream has the inbound track only")
        }
        var stream = Stream(
            url: url,
            name: element.attributes["name"],
            statusCallback: element.attributes["statusCallback"]
        )
        for child in element.children {
            guard child.name == "Parameter", let name = child.attributes["name"],
                let value = child.attributes["value"]
            else { throw Fault(code: 12200, detail: "a Stream holds only Parameters with name and value") }
            guard name.utf8.count + value.utf8.count < 500 else {
                throw Fault(code: 31923, detail: "name and value of a Parameter must be shorter than 500 characters")
            }
            stream.parameters.append(.init(name: name, value: value))
        }
        return stream
    }

    private static func allow(_ names: [String], _ element: XMLElement) throws(Fault) {
        for name in element.attributes.keys where !names.contains(name) {
            throw Fault(code: 12200, detail: "\(element.name) has no attribute \(name)")
        }
    }

    private static func number(_ text: String) throws(Fault) -> Int {
        guard let number = Int(text), number >= 0 else { throw Fault(code: 12200, detail: "\(text) is no number") }
        return number
    }
}
