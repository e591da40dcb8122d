import Testing

@testable import TalkpathSimulators

struct TwilioShapesTests {
    private static let token = "12345678901234567890123456789012"
    static let form = FormFields([
        ("CallSid", "CA00000000000000000000000000000001"), ("AccountSid", "AC00000000000000000000000000000002"),
        ("From", "+15551230001"), ("To", "+15551230002"), ("CallStatus", "in-progress"),
    ])

    @Test(arguments: [
        ("https://voice.example.com/twilio/voice", form, "6Sc4P0r1PCGXg2wFeKPJnUdQ4Fk="),
        ("https://voice.example.com/twilio/voice?foo=1&bar=2", FormFields(), "igllT2g49GPEcJpjsSnkGXXpS7A="),
        ("wss://voice.example.com/media", FormFields(), "OXGAWoXBARgYOQdO2iHke4KK+yQ="),
        ("https://voice.example.com:8443/twilio/status", form, "XPtHieLW87mDidIAAOvut5nLjLg="),
        (
            "https://voice.example.com/twilio/voice",
            FormFields([
                ("StatusCallbackEvent", "ringing"), ("StatusCallbackEvent", "answered"),
                ("StatusCallbackEvent", "answered"), ("CallSid", "CA1"),
            ]), "D3rypQJTEhauDofQCEaVjpZWQBI="
        ),
        (
            "https://voice.example.com/twilio/voice",
            FormFields([("Digits", ""), ("SpeechResult", "Grüße, 世界 & co"), ("Confidence", "0.93")]),
            "N0U5VYkXaGmhWvuLtgZmgejSytA="
        ),
        (
            "https://voice.example.com/twilio/voice", FormFields([("b", "2"), ("B", "1"), ("a", "4"), ("A", "3")]),
            "AXBO2qYieJ+iMmlcMiL3zkxoxi4="
        ),
    ])
    func `signatures are those of Twilio`(url: String, form: FormFields, signature: String) {
        #expect(WebhookClient.signature(url, form, token: Self.token) == signature)
    }

    @Test func `a form survives being encoded and parsed`() {
        let form = FormFields([("To", "+1 555"), ("x&y", "=%ü\n"), ("empty", "")])
        #expect(FormFields(parsing: form.encoded.utf8) == form)
        #expect(FormFields(parsing: "a=%4".utf8) == nil)
        #expect(FormFields(parsing: "a=%FF".utf8) == nil)
    }

    @Test func `a stream with parameters is read`() throws {
        let twiml = try TwiML(
            parsing: """
                <?xml version="1.0" encoding="UTF-8"?>
                <!-- ours -->
                <Response><Connect><Stream url="wss://a.example/m"><Parameter name="k&amp;" value='v "1"'/></Stream>
                </Connect><Say>Good &#98;ye</Say><Hangup/></Response>
                """
        )
        #expect(
            twiml.verbs == [
                .connectStream(
                    .init(url: "wss://a.example/m", parameters: [.init(name: "k&", value: #"v "1""#)])
                ),
                .say("Good bye"), .hangup,
            ]
        )
    }

    @Test(arguments: [
        ("", 12100), ("<Response>", 12100), ("<Response></Reponse>", 12100), ("<Response a=1/>", 12100),
        ("<Response/><Response/>", 12100), ("<Response>&nbsp;</Response>", 12100), ("<Hangup/>", 12200),
        ("<Response><Hangop/></Response>", 12200), ("<Response><Reject reason=\"tired\"/></Response>", 12200),
        ("<Response><Connect/></Response>", 12200),
        ("<Response><Connect><Stream url=\"ws://a.example\"/></Connect></Response>", 31921),
        ("<Response><Connect><Stream url=\"wss://a.example/?token=1\"/></Connect></Response>", 31920),
        ("<Response><Connect><Stream url=\"wss://a.example\" track=\"both_tracks\"/></Connect></Response>", 31941),
    ])
    func `wrong TwiML is refused`(text: String, code: Int) {
        #expect {
            try TwiML(parsing: text)
        } throws: { error in
            (error as? TwiML.Fault)?.code == code
        }
    }

    private static let numbers = "To=%2B15550199&From=%2B15550100"

    static let wrongCalls: [(String, Int)] = [
        ("From=%2B15550100", 21201), ("To=%2B15550199", 21213), ("To=12&From=%2B15550100", 21211), (numbers, 21205),
        (numbers + "&Url=x", 21205), (numbers + "&Url=https://a.example&Twiml=x", 21205),
        (numbers + "&Twiml=x&TimeLimits=5", 20001), (numbers + "&Twiml=x&Timeout=601", 21218),
        (numbers + "&Twiml=x&StatusCallbackEvent=ended", 21626), (numbers + "&Twiml=x&StatusCallback=/status", 21609),
        (numbers + "&Twiml=x&Twiml=y", 20001),
    ]

    @Test(arguments: wrongCalls) func `a wrong call is refused`(fields: String, code: Int) throws {
        let form = try #require(FormFields(parsing: fields.utf8))
        #expect {
            try CallRequest.create(form)
        } throws: { error in
            (error as? RESTError)?.code == code
        }
    }

    @Test(arguments: ["Status=busy", "", "Status=completed&Twiml=x"])
    func `a wrong update is refused`(fields: String) throws {
        let form = try #require(FormFields(parsing: fields.utf8))
        #expect {
            try CallRequest.update(form)
        } throws: { error in
            (error as? RESTError)?.code == 21218
        }
    }
}
