import Logging
import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Replaced tokens, API keys, regions, and the log of refused webhooks.
@Suite(.timeLimit(.minutes(5))) struct CarrierCredentialsTests {
    private static let form: FormParameters = [
        "AccountSid": "AC00000000000000000000000000001234", "CallSid": "CA1", "CallStatus": "completed",
        "From": "+14155550123",
    ]

    private func read(_ changes: [String: String]) throws -> ServerConfiguration {
        try ServerConfiguration.read(
            environment: [
                "TALKPATH_API_KEYS": "a key of sixteen or more,acme:a key of another tenant",
                "TALKPATH_PUBLIC_URL": "https://voice.example.com", "OPENAI_API_KEY": "model key",
                "TWILIO_ACCOUNT_SID": "AC0123", "TWILIO_AUTH_TOKEN": "secret token",
                "TWILIO_FROM_NUMBER": "+14155550100",
            ].merging(changes) { $1 }
        )
    }

    @Test func `several tokens, an API key and a region are read`() throws {
        let twilio = try #require(
            try read([
                "TWILIO_AUTH_TOKEN": "new, old", "TWILIO_API_KEY": "SK0123", "TWILIO_API_SECRET": "hush",
                "TWILIO_REGION": "ie1", "TWILIO_EDGE": "dublin",
            ]).twilio
        )
        #expect(twilio.authTokens == ["new", "old"] && twilio.apiKey?.sid == "SK0123")
        #expect(twilio.baseURL == "https://api.dublin.ie1.twilio.com")
        let request = try twilio.account().fetchCall(sid: "CA1")
        #expect(request.headers.first?.value == "Basic " + TalkpathCrypto.base64(Array("SK0123:hush".utf8)))
        #expect(request.url.contains("/Accounts/AC0123/"))
        #expect(try read(["TWILIO_EDGE": "ashburn"]).twilio?.baseURL == "https://api.ashburn.us1.twilio.com")
        var shown = "\(twilio)"
        dump(twilio, to: &shown)
        #expect(!shown.contains("hush") && !shown.contains("old"))
    }

    @Test func `a tenant's account may have them as well`() throws {
        let accounts = try read(["TALKPATH_TENANT_TWILIO": "acme:AC9:new|old:+14155550111:SK9:hush"]).tenantTwilio
        let acme = try #require(accounts["acme"])
        #expect(acme.authTokens == ["new", "old"] && acme.apiKey?.sid == "SK9" && acme.fromNumber == "+14155550111")
    }

    @Test(arguments: [
        (["TWILIO_API_KEY": "SK1"], "TWILIO_API_SECRET"), (["TWILIO_API_SECRET": "s"], "TWILIO_API_KEY"),
        (["TWILIO_API_KEY": "AC1", "TWILIO_API_SECRET": "s"], "TWILIO_API_KEY"),
        (["TWILIO_REGION": "https://x"], "TWILIO_REGION"), (["TWILIO_EDGE": "Dublin"], "TWILIO_EDGE"),
        (["TWILIO_REGION": "ie1", "TWILIO_API_BASE_URL": "https://api.twilio.com"], "TWILIO_API_BASE_URL"),
    ])
    func `contradicting settings are named`(changes: [String: String], setting: String) {
        #expect {
            _ = try read(changes)
        } throws: { error in
            (error as? ConfigurationError)?.problems.map(\.setting) == [setting]
        }
    }

    @Test func `a webhook signed with either token is accepted`() async throws {
        try await TestServer.run(configure: { $0.twilio?.otherAuthTokens = ["the older token"] }) { test async throws in
            for (token, status) in [(TestServer.authToken, 204), ("the older token", 204), ("a stranger's", 403)] {
                #expect(try await test.webhook("/twilio/status", Self.form, token: token).status == status)
            }
        }
    }

    /// The fault, and the words of the log.
    @Test(
        arguments: [
            ("https://voice.example.test", nil, "it has no signature"),
            ("http://voice.example.test", TestServer.authToken, "scheme http"),
            ("https://voice.example.test:8443", TestServer.authToken, "port 8443"),
            ("https://other.example.test", TestServer.authToken, "host other.example.test"),
            ("https://voice.example.test", "another token", "no auth token of the account fits"),
        ] as [(String, String?, String)]
    )
    func `the log has the address that would have matched`(origin: String, token: String?, words: String) async throws {
        let book = LogBook()
        let account = "AC00000000000000000000000000001234"
        try await TestServer.run(configure: { $0.twilio?.accountSID = account }, logger: book.logger) {
            test async throws in
            let path = "/twilio/status"
            var headers = [("Content-Type", "application/x-www-form-urlencoded")]
            if let token {
                let signature = TwilioSignature.sign(url: origin + path, parameters: Self.form, key: token)
                headers.append((TwilioSignature.header, signature))
            }
            let host = origin.split(separator: "/").last.map(String.init) ?? ""
            headers.append(("X-Forwarded-Host", host))
            let body = String(decoding: Self.form.encoded(), as: UTF8.self)
            for _ in 0..<3 {
                #expect(try await test.send(.POST, path, body, key: nil, headers: headers).status == 403)
            }
        }
        let lines = book.all.filter { $0.message == "A webhook without a valid signature was refused" }
        #expect(lines.count == 1)
        let text = try #require(lines.first).text
        #expect(text.contains("reason=") && text.contains(words), "\(text)")
        #expect(text.contains("path=/twilio/status") && text.contains("account=…1234"))
        #expect(text.contains("checked_url=https://voice.example.test/twilio/status"))
        #expect(!text.contains("+1415") && !text.contains(TestServer.authToken) && !text.contains(account))
    }

    @Test func `a path that the proxy has not removed is named`() async throws {
        let book = LogBook()
        let address = "https://voice.example.test/tp"
        try await TestServer.run(configure: { $0.publicURL = address }, logger: book.logger) { test async throws in
            #expect(try await test.webhook("/tp/twilio/status", Self.form).status == 404)
            #expect(try await test.webhook("/elsewhere", Self.form).status == 404)
        }
        let lines = book.all.filter { $0.message.contains("still has the public address's path") }
        #expect(lines.count == 1 && lines.first?.level == .warning)
        #expect(lines.first?.text.contains("path=/tp/twilio/status remove=/tp") == true, "\(lines)")
    }

    @Test func `an unknown account is named in the log`() async throws {
        let book = LogBook()
        try await TestServer.run(logger: book.logger) { test async throws in
            #expect(try await test.webhook("/twilio/status", Self.form, token: "of another account").status == 403)
        }
        #expect(book.has("its AccountSid is of no account that the settings name"))
    }

    @Test func `unknown paths below Twilio's are logged`() async throws {
        let book = LogBook()
        try await TestServer.run(logger: book.logger) { test async throws in
            #expect(try await test.webhook("/twilio/voices", Self.form).status == 404)
            _ = try? await test.mediaSocket("/twilio/media-streams")
        }
        #expect(book.has("path=/twilio/voices"))
    }
}
