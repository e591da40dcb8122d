import TalkpathWire
import Testing

private let token = "12345678901234567890123456789012"
private let voice = "https://voice.example.com/twilio/voice"
private let sampleForm: FormParameters = [
    "CallSid": "CA00000000000000000000000000000001", "AccountSid": "AC00000000000000000000000000000002",
    "From": "+15551230001", "To": "+15551230002", "CallStatus": "in-progress",
]

/// A request signed by the vendor's own library.
private struct Vector: CustomTestStringConvertible, Sendable {
    var name: String
    var url: String
    var form: FormParameters = [:]
    var token = "12345678901234567890123456789012"
    var algorithm = TwilioSignature.Algorithm.hmacSHA1
    var signature: String

    var testDescription: String { name }

    static let all = [
        Vector(name: "form", url: voice, form: sampleForm, signature: "6Sc4P0r1PCGXg2wFeKPJnUdQ4Fk="),
        Vector(name: "query", url: voice + "?foo=1&bar=2", signature: "igllT2g49GPEcJpjsSnkGXXpS7A="),
        Vector(
            name: "query with an escape, and a form",
            url: voice + "?tenant=a%20b&x=1",
            form: sampleForm,
            signature: "G8uiCEoio7T7JLVTDeepv0GuJjA="
        ),
        Vector(
            name: "WebSocket",
            url: "wss://voice.example.com/media",
            signature: "OXGAWoXBARgYOQdO2iHke4KK+yQ="
        ),
        Vector(
            name: "WebSocket with slash",
            url: "wss://voice.example.com/media/",
            signature: "+QioAScYZ9+iHFf/noofAxtunho="
        ),
        Vector(
            name: "port",
            url: "https://voice.example.com:8443/twilio/status",
            form: sampleForm,
            signature: "XPtHieLW87mDidIAAOvut5nLjLg="
        ),
        Vector(
            name: "default port, written",
            url: "https://voice.example.com:443/twilio/status",
            form: sampleForm,
            signature: "vDA4Dm+EoalwcyN5vdvt4E5jy5Y="
        ),
        Vector(
            name: "repeated parameter",
            url: voice,
            form: [
                "StatusCallbackEvent": "ringing", "StatusCallbackEvent": "answered",
                "StatusCallbackEvent": "answered", "CallSid": "CA1",
            ],
            signature: "D3rypQJTEhauDofQCEaVjpZWQBI="
        ),
        Vector(
            name: "empty value and letters beyond ASCII",
            url: voice,
            form: ["Digits": "", "SpeechResult": "Grüße, 世界 & co", "Confidence": "0.93"],
            signature: "N0U5VYkXaGmhWvuLtgZmgejSytA="
        ),
        Vector(
            name: "upper case sorts before lower",
            url: voice,
            form: ["b": "2", "B": "1", "a": "4", "A": "3"],
            signature: "AXBO2qYieJ+iMmlcMiL3zkxoxi4="
        ),
        Vector(
            name: "digest of the body in the query",
            url: jsonURL,
            signature: "KyfHHiKElZyyagM8ZttAUzvKwCo="
        ),
        Vector(
            name: "SHA-256",
            url: voice,
            form: sampleForm,
            algorithm: .hmacSHA256,
            signature: "bdoBUiKRDpYOKrFiBOPTfOHvLbULFx6J/862qAV8cZw="
        ),
        Vector(
            name: "the vendor page's example",
            url: "https://mycompany.com/myapp.php?foo=1&bar=2",
            form: [
                "CallSid": "CA1234567890ABCDE", "Digits": "1234", "From": "+14158675309", "To": "+18005551212",
                "Caller": "+14158675309",
            ],
            token: "12345",
            signature: "RSOYDt4T1cUTdK1PDd93/VVr8B8="
        ),
    ]
}

private let jsonURL =
    "https://voice.example.com/hooks/json?bodySHA256=1a59e522e02ce50ad2c27c11a6d30f8667489c199580627fe9e3e33e2b0e91d5"

@Suite("Twilio's signature")
struct TwilioSignatureTests {
    @Test(arguments: Vector.all)
    fileprivate func `signs as the vendor does`(vector: Vector) {
        let signature = TwilioSignature.sign(
            url: vector.url,
            parameters: vector.form,
            key: vector.token,
            algorithm: vector.algorithm
        )
        #expect(signature == vector.signature)
    }

    @Test(arguments: Vector.all)
    fileprivate func `accepts what the vendor signed`(vector: Vector) {
        let validator = TwilioSignatureValidator(authToken: vector.token, sharedKeys: ["k": vector.token])
        let settings = vector.algorithm == .hmacSHA256 ? "key=k,algorithm=HMAC_SHA256" : nil
        #expect(
            validator.isValid(
                url: vector.url,
                body: vector.form.isEmpty ? .none : .form(vector.form),
                signature: vector.signature,
                settings: settings
            )
        )
    }

    @Test func `names are sorted by bytes even if canonical equivalence would merge them`() {
        // The same letter, composed and decomposed: one name in a dictionary of strings, two names in the signature.
        let signature = TwilioSignature.sign(
            url: voice,
            parameters: ["\u{e9}": "1", "e\u{301}": "2", "\u{e9}": "1"],
            key: token
        )
        #expect(signature == TwilioSignature.sign(url: voice + "e\u{301}2\u{e9}1", key: token))
    }
}

@Suite("Check of Twilio's webhooks")
struct TwilioWebhookValidationTests {
    let validator = TwilioSignatureValidator(authToken: token)
    let signature = "6Sc4P0r1PCGXg2wFeKPJnUdQ4Fk="

    @Test func `another scheme, a missing or added parameter and a missing signature are refused`() {
        #expect(validator.isValid(url: voice, body: .form(sampleForm), signature: signature))
        let http = "http://voice.example.com/twilio/voice"
        #expect(!validator.isValid(url: http, body: .form(sampleForm), signature: signature))
        #expect(!validator.isValid(url: voice + "/", body: .form(sampleForm), signature: signature))
        let fewer = FormParameters(Array(sampleForm.fields.dropLast()))
        #expect(!validator.isValid(url: voice, body: .form(fewer), signature: signature))
        var more = sampleForm
        more.append("Digits", "1")
        #expect(!validator.isValid(url: voice, body: .form(more), signature: signature))
        #expect(!validator.isValid(url: voice, body: .none, signature: signature))
        #expect(!validator.isValid(url: voice, body: .form(sampleForm), signature: nil))
        #expect(!validator.isValid(url: voice, body: .form(sampleForm), signature: ""))
        #expect(!validator.isValid(url: voice, body: .form(sampleForm), signature: signature + " "))
    }

    @Test func `both tokens are accepted during a change and an empty one never`() {
        let both = TwilioSignatureValidator(authTokens: ["the next one", token])
        #expect(both.isValid(url: voice, body: .form(sampleForm), signature: signature))
        let none = TwilioSignatureValidator(authTokens: ["", ""], sharedKeys: ["k": ""])
        let forged = TwilioSignature.sign(url: voice, parameters: sampleForm, key: "")
        #expect(!none.isValid(url: voice, body: .form(sampleForm), signature: forged))
        #expect(!none.isValid(url: voice, body: .form(sampleForm), signature: forged, settings: "key=k"))
    }

    @Test(arguments: [
        ("https://voice.example.com:443/a?b=1", "https://voice.example.com/a?b=1"),
        ("https://voice.example.com/a", "https://voice.example.com:443/a"),
        ("https://voice.example.com:8443/a", "https://voice.example.com/a"),
        ("https://user:pass@voice.example.com/a", "https://user:pass@voice.example.com:443/a"),
        ("https://user:1@voice.example.com:8443", "https://user:1@voice.example.com"),
        ("http://voice.example.com/a", "http://voice.example.com:80/a"),
        ("wss://voice.example.com/media", "wss://voice.example.com:443/media"),
        ("ws://127.0.0.1/media", "ws://127.0.0.1:80/media"),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]:443/a"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]/a"),
    ])
    func `a URL signed with or without its port is accepted`(seen: String, signed: String) {
        let signature = TwilioSignature.sign(url: signed, parameters: sampleForm, key: token)
        #expect(validator.isValid(url: seen, body: .form(sampleForm), signature: signature))
    }

    @Test(arguments: [
        ("https://voice.example.com/a", "https://voice.example.com:80/a"),
        ("https://voice.example.com/a", "https://voice.example.com:8443/a"),
        ("https://voice.example.com:8443/a", "https://voice.example.com:443/a"),
        ("https://user:1@voice.example.com/a", "https://user@voice.example.com/a"),
    ])
    func `a URL signed with another port is refused`(seen: String, signed: String) {
        let signature = TwilioSignature.sign(url: signed, parameters: sampleForm, key: token)
        #expect(!validator.isValid(url: seen, body: .form(sampleForm), signature: signature))
    }

    @Test func `a raw body must match the digest in the URL`() {
        let body = Array(#"{"a":1,"b":"ü"}"#.utf8)
        let signature = "KyfHHiKElZyyagM8ZttAUzvKwCo="
        #expect(validator.isValid(url: jsonURL, body: .raw(body), signature: signature))
        #expect(!validator.isValid(url: jsonURL, body: .raw(body + [0x20]), signature: signature))
        #expect(!validator.isValid(url: jsonURL, body: .raw([]), signature: signature))
        // A valid signature of a URL without a digest proves nothing about the body.
        let bare = TwilioSignature.sign(url: voice, key: token)
        #expect(!validator.isValid(url: voice, body: .raw(body), signature: bare))
    }

    @Test func `the named shared key is used with the named algorithm`() {
        let validator = TwilioSignatureValidator(authToken: "another", sharedKeys: ["webhooks_sharedkey_1": token])
        let signature = "bdoBUiKRDpYOKrFiBOPTfOHvLbULFx6J/862qAV8cZw="
        func isValid(_ settings: String?, _ signature: String) -> Bool {
            validator.isValid(url: voice, body: .form(sampleForm), signature: signature, settings: settings)
        }
        #expect(isValid("key=webhooks_sharedkey_1,algorithm=HMAC_SHA256", signature))
        #expect(isValid(" algorithm = hmac_sha256 , key = webhooks_sharedkey_1", signature))
        #expect(isValid("key=webhooks_sharedkey_1", self.signature))
        #expect(!isValid("key=webhooks_sharedkey_2,algorithm=HMAC_SHA256", signature))
        #expect(!isValid("key=webhooks_sharedkey_1,algorithm=HMAC_MD5", signature))
        #expect(!isValid("key=webhooks_sharedkey_1", signature))
        #expect(!isValid("algorithm=HMAC_SHA256", signature))
        #expect(!isValid(nil, signature))
        #expect(!isValid(nil, self.signature))
    }

    @Test func `descriptions of the validator contain no secret`() {
        var dumped = ""
        dump(TwilioSignatureValidator(authToken: token, sharedKeys: ["k": "shared secret"]), to: &dumped)
        let text = "\(validator) \(String(reflecting: validator)) \(dumped)"
        #expect(!text.contains(token) && !text.contains("shared secret"))
    }
}

@Suite("Check of Twilio's WebSocket upgrade")
struct TwilioUpgradeValidationTests {
    let validator = TwilioSignatureValidator(authToken: token)

    @Test(
        arguments: ["https://voice.example.com", "wss://voice.example.com/", "https://voice.example.com:443"],
        ["/media", "/media/"]
    )
    func `every spelling that Twilio may sign is accepted`(origin: String, target: String) {
        for signed in [
            "wss://voice.example.com/media", "wss://voice.example.com/media/", "https://voice.example.com/media",
            "https://voice.example.com/media/", "wss://voice.example.com:443/media",
        ] {
            let signature = TwilioSignature.sign(url: signed, key: token)
            #expect(validator.signedURL(ofUpgrade: target, origin: origin, signature: signature) == signed)
        }
    }

    @Test func `the vendor's test vectors are accepted`() {
        let origin = "https://voice.example.com"
        let plain = validator.signedURL(
            ofUpgrade: "/media",
            origin: origin,
            signature: "OXGAWoXBARgYOQdO2iHke4KK+yQ="
        )
        #expect(plain == "wss://voice.example.com/media")
        let slash = validator.signedURL(
            ofUpgrade: "/media",
            origin: origin,
            signature: "+QioAScYZ9+iHFf/noofAxtunho="
        )
        #expect(slash == "wss://voice.example.com/media/")
    }

    @Test func `the origin's path and the query are kept`() {
        let signature = TwilioSignature.sign(url: "wss://voice.example.com/tenant/media/?a=%20b", key: token)
        let target = "/media?a=%20b"
        let origin = "https://voice.example.com/tenant"
        #expect(validator.signedURL(ofUpgrade: target, origin: origin, signature: signature) != nil)
        #expect(validator.signedURL(ofUpgrade: "/media?a=+b", origin: origin, signature: signature) == nil)
    }

    @Test func `another host, path or token and invalid origins are refused`() {
        let signature = TwilioSignature.sign(url: "wss://voice.example.com/media", key: token)
        let origin = "https://voice.example.com"
        func matches(_ target: String, _ origin: String, _ signature: String?) -> Bool {
            validator.signedURL(ofUpgrade: target, origin: origin, signature: signature) != nil
        }
        #expect(matches("/media", origin, signature))
        #expect(!matches("/media2", origin, signature))
        #expect(!matches("/media//", origin, signature))
        #expect(!matches("/media?x=1", origin, signature))
        #expect(!matches("/media", "https://voice.example.org", signature))
        #expect(!matches("/media", "http://voice.example.com", signature))
        #expect(!matches("/media", "voice.example.com", signature))
        #expect(!matches("/media", origin, nil))
        #expect(!matches("/media", origin, TwilioSignature.sign(url: "wss://voice.example.com/media", key: "x")))
    }
}
