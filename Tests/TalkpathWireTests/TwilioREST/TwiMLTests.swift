import TalkpathWire
import Testing

private let head = #"<?xml version="1.0" encoding="UTF-8"?>"#

@Suite("TwiML")
struct TwiMLTests {
    @Test func `a stream has its parameters and hangs up afterwards`() throws {
        let twiml = try TwiML.connectStream(
            url: "wss://voice.example.com/media",
            parameters: [(name: "call_id", value: "c-1"), (name: "token", value: "a_b-C")],
            statusCallback: "https://voice.example.com/twilio/stream-status?a=1&b=2"
        )
        let stream =
            #"<Stream url="wss://voice.example.com/media" "#
            + #"statusCallback="https://voice.example.com/twilio/stream-status?a=1&amp;b=2">"#
            + #"<Parameter name="call_id" value="c-1"/><Parameter name="token" value="a_b-C"/></Stream>"#
        #expect(twiml.xml == head + "<Response><Connect>\(stream)</Connect><Hangup/></Response>")
    }

    @Test func `a stream without parameters is an empty element`() throws {
        let twiml = try TwiML.connectStream(url: "wss://h/p")
        #expect(twiml.xml == head + #"<Response><Connect><Stream url="wss://h/p"/></Connect><Hangup/></Response>"#)
    }

    @Test(arguments: ["https://h/p", "wss://h/p?a=1", "wss://h/p#a", "h/p", "", "wss://h/p?\u{301}"])
    func `URLs that Twilio would not connect to are refused`(url: String) {
        #expect(code { try TwiML.connectStream(url: url) } == .invalidStreamURL)
    }

    @Test func `a parameter may have 499 characters`() throws {
        func stream(_ value: String) throws -> TwiML {
            try TwiML.connectStream(url: "wss://h/p", parameters: [(name: "name", value: value)])
        }
        #expect(try stream(String(repeating: "x", count: 495)).xml.contains("xxx"))
        #expect(code { try stream(String(repeating: "x", count: 496)) } == .parameterTooLong)
        #expect(
            code { try TwiML.connectStream(url: "wss://h/p", parameters: [(name: "", value: "x")]) }
                == .invalidParameter
        )
    }

    @Test func `attributes are escaped so that readers get the original`() throws {
        let twiml = try TwiML.connectStream(
            url: "wss://h/p",
            parameters: [(name: "n", value: "a\"b'<>&\t\r\n]]> ü😀")]
        )
        #expect(twiml.xml.contains(#"value="a&quot;b'&lt;&gt;&amp;&#9;&#13;&#10;]]&gt; ü😀""#))
    }

    @Test(arguments: ["\0", "\u{1}", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"])
    func `a character that XML cannot hold is refused in a parameter and dropped from spoken text`(character: String)
        throws
    {
        #expect(
            code { try TwiML.connectStream(url: "wss://h/p", parameters: [(name: "n", value: character)]) }
                == .illegalCharacter
        )
        let said = try TwiML.say("a\(character)b")
        #expect(said.xml == head + "<Response><Say>ab</Say><Hangup/></Response>")
    }

    @Test func `a spoken text is followed by a hang-up`() throws {
        let twiml = try TwiML.say("Sorry, <we> & \"you\" can't\r\nnow", voice: "Polly.Joanna", language: "en-US")
        let say =
            #"<Say voice="Polly.Joanna" language="en-US">Sorry, &lt;we&gt; &amp; "you" can't&#13;"# + "\nnow</Say>"
        #expect(twiml.xml == head + "<Response>\(say)<Hangup/></Response>")
        #expect(code { try TwiML.say(String(repeating: "x", count: 4097)) } == .textTooLong)
    }

    @Test func `reject, hang-up and dial documents are as Twilio expects`() throws {
        #expect(TwiML.reject(reason: .busy).xml == head + #"<Response><Reject reason="busy"/></Response>"#)
        #expect(TwiML.hangup.xml == head + "<Response><Hangup/></Response>")
        #expect(
            try TwiML.dial("+15551230003", callerID: "+15551230002", timeout: 20, timeLimit: 600).xml == head
                + #"<Response><Dial callerId="+15551230002" timeout="20" timeLimit="600">+15551230003</Dial>"#
                + "<Hangup/></Response>"
        )
    }

    @Test(arguments: ["15551230003", "+", "+1", "+1234567890123456", "+1555<x>", "+1 555 123", "", "+１２３"])
    func `only E.164 numbers are dialled`(number: String) {
        #expect(code { try TwiML.dial(number) } == .invalidNumber)
    }

    @Test func `descriptions contain no part of the document`() throws {
        let twiml = try TwiML.connectStream(url: "wss://h/p", parameters: [(name: "token", value: "secret")])
        var dumped = ""
        dump(twiml, to: &dumped)
        #expect(!"\(twiml) \(String(reflecting: twiml)) \(dumped)".contains("secret"))
    }
}

private func code(_ make: () throws -> some Any) -> TwiMLError.Code? {
    do {
        _ = try make()
        return nil
    } catch {
        return (error as? TwiMLError)?.code
    }
}
