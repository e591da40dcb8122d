import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Attempts to spend the operator's money with a tenant's key.
@Suite struct TollFraudTests {
    // MARK: Destinations

    private func verdict(
        _ number: String,
        _ prefixes: [String],
        and more: Set<NumberType> = []
    ) -> Destinations.Verdict {
        Destinations(prefixes: prefixes, types: Destinations.standardTypes.union(more)).verdict(on: number)
    }

    @Test(arguments: [
        ("+19005550100", NumberType.premiumRate), ("+449098790000", .premiumRate), ("+491371234567", .sharedCost),
        ("+35870012345", .premiumRate), ("+35860012345", .premiumRate), ("+447012345678", .personal),
        ("+33899123456", .premiumRate), ("+15551230001", .unknown), ("+4420794600001", .unknown),
    ])
    func `types that cost extra are called only if the settings name them`(number: String, type: NumberType) {
        let prefix = String(number.prefix(5))
        #expect(verdict(number, [prefix]) == .refusedType(type))
        #expect(verdict(number, [prefix], and: [.unknown]) == (type == .unknown ? .allowed : .refusedType(type)))
        #expect(verdict(number, [prefix], and: [.unknown, type]) == .allowed)
    }

    @Test(arguments: ["+190055501001", "+4490912345", "+97912345678"])
    func `digits too many or too few do not make a number cheaper`(number: String) {
        let prefix = String(number.prefix(5))
        #expect(verdict(number, [prefix]) == .refusedType(.unknown))
        #expect(verdict(number, [prefix], and: [.unknown]) == .refusedType(.premiumRate))
        #expect(verdict(number, [prefix], and: [.unknown, .premiumRate]) == .allowed)
    }

    @Test func `a national prefix does not hide a number`() {
        #expect(verdict("+4409098790000", ["+44"], and: [.unknown]) == .refusedType(.premiumRate))
        #expect(verdict("+4402079460000", ["+44"], and: [.unknown]) == .allowed)
    }

    @Test func `+1 covers the United States and Canada, and other countries need their area codes`() {
        for number in ["+14155550100", "+14165550100", "+18005551212"] {
            #expect(verdict(number, ["+1"]) == .allowed, "\(number)")
        }
        // Dominican Republic, Jamaica, Antigua, Bahamas, Puerto Rico, Guam; and one that is not a number of its
        // country.
        for number in [
            "+18095550100", "+18765550123", "+12684601234", "+12423456789", "+17872345678", "+16713001234",
            "+18090000000",
        ] {
            for prefix in ["+1", String(number.prefix(4))] {
                #expect(verdict(number, [prefix], and: [.unknown]) == .notAllowed, "\(number) by \(prefix)")
            }
            for prefix in ["+", String(number.prefix(5)), number] {
                #expect(verdict(number, [prefix], and: [.unknown]) == .allowed, "\(number) by \(prefix)")
            }
        }
    }

    @Test(arguments: ["+881612345678", "+870301234567", "+882123456789", "+883510012345"])
    func `networks without a country need a prefix of their own`(number: String) {
        for prefix in ["+", "+8", "+88"] where number.hasPrefix(prefix) {
            #expect(verdict(number, [prefix], and: [.unknown]) == .notAllowed)
        }
        #expect(verdict(number, [String(number.prefix(4))], and: [.unknown]) == .allowed)
    }

    @Test(arguments: ["+49116117", "+1555010", "+4911833"])
    func `short numbers are never called, even if the settings name them`(number: String) {
        let types = Set(NumberType.allCases)
        #expect(Destinations(prefixes: ["+"], types: types).verdict(on: number) == .refusedType(.short))
    }

    @Test(arguments: [
        ("+19005550100", "premium_number"), ("+18095550100", "destination_not_allowed"),
        ("+15551230001", "number_type_not_allowed"), ("+1555010", "number_type_not_allowed"),
        ("+1911", "emergency_number"),
    ])
    func `every way of dialling follows the same rule`(number: String, code: String) async throws {
        try await TestServer.run(configure: { $0.allowedDestinations = ["+1"] }) { test async throws in
            let call = try await test.place()
            let agent = try await test.send(.POST, "/api/agents", "{}")["agent_id"]?.string ?? ""
            let target = #"{"transfer_targets":[{"name":"desk","number":"\#(number)"}]}"#
            let fallback = #"{"fallback":{"transfer_to":"\#(number)"}}"#
            let requests: [(HTTPMethod, String, String)] = [
                (.POST, "/api/calls", #"{"to":"\#(number)"}"#), (.POST, "/api/call", #"{"to":"\#(number)"}"#),
                (.POST, "/api/calls/\(call)/transfer", #"{"to":"\#(number)"}"#),
                (.POST, "/api/agents", target), (.POST, "/api/agents", fallback),
                (.PUT, "/api/agents/\(agent)", target),
                (.POST, "/api/calls", #"{"to":"+14155550101","agent":\#(target)}"#),
                (.POST, "/v1/calls/make-call", #"{"ai_agent_id":"\#(agent)","call_to":"\#(number)"}"#),
                (
                    .POST, "/v1/calls/create",
                    #"{"from_number":"+14155550100","to_number":"\#(number)","agent":"default"}"#
                ),
                (.POST, "/api/v1/agents/\(agent)/call", #"{"to":"\#(number)"}"#),
                (.POST, "/api/v1/agents/\(agent)/call", #"{"to":"\#(number)","delay_seconds":5}"#),
            ]
            for (method, path, body) in requests {
                let answer = try await test.send(method, path, body)
                let isCallab = path.hasSuffix("make-call")
                // Callab's clients get an empty answer for every error.
                #expect(isCallab ? answer.text.isEmpty : (400..<500).contains(answer.status), "\(path): \(answer.text)")
                if path.hasPrefix("/api/call") || path.hasPrefix("/api/agents") {
                    // In a definition of its own, a number must be in E.164 first.
                    let expected = number == "+1911" && body.contains("transfer_t") ? "invalid_number" : code
                    #expect(answer["code"]?.string == expected, "\(path): \(body)")
                }
            }
            #expect(test.carrier.placed.count == 1)
        }
    }

    @Test func `the carrier's port checks the destination of a transfer again`() async throws {
        let carriers = TenantCarriers(
            shared: FakeCarrier(),
            own: [:],
            destinations: Destinations(prefixes: ["+1"])
        )
        await #expect(throws: CarrierError.self) {
            try await carriers.redirect(
                "CA1",
                to: .dial(number: "+19005550100", callerID: nil, ringTimeout: .seconds(30), saying: nil, language: nil)
            )
        }
    }

    // MARK: Which number they show

    @Test func `calls come from the tenant's own numbers only`() async throws {
        try await TestServer.run(
            configure: {
                $0.fromNumbers = ["default": ["+14155550177"], "other": ["+14155550188"]]
                $0.inboundAgents = ["+14155550166": .init(id: "desk")]
            }
        ) { test async throws in
            func status(_ from: String, _ key: String = TestServer.key) async throws -> Int {
                let answer = try await test.send(
                    .POST,
                    "/api/calls",
                    #"{"to":"+14155550101","from":"\#(from)"}"#,
                    key: key
                )
                if answer.status == 403 { #expect(answer["code"] == "caller_not_allowed") }
                return answer.status
            }
            for number in ["+14155550100", "+14155550177", "+14155550166"] { #expect(try await status(number) == 201) }
            for number in ["+14155550188", "+14155550199"] { #expect(try await status(number) == 403) }
            #expect(try await status("+14155550188", TestServer.otherKey) == 201)
            for number in ["+14155550177", "+14155550166"] {
                #expect(try await status(number, TestServer.otherKey) == 403)
            }
            // A number that a tenant's agent answers belongs to the tenant; on a shared account, to the default tenant.
            let agent = #"{"numbers":["+14155550144"]}"#
            #expect(try await test.send(.POST, "/api/agents", agent).status == 201)
            #expect(try await status("+14155550144") == 201)
            #expect(try await status("+14155550144", TestServer.otherKey) == 403)
            let count = test.carrier.placed.count
            let vocode = #"{"from_number":"+14155550188","to_number":"+14155550101","agent":"default"}"#
            #expect(try await test.send(.POST, "/v1/calls/create", vocode).status >= 400)
            let callab = #"{"call_from":"+14155550188","call_to":"+14155550101"}"#
            _ = try await test.send(.POST, "/v1/calls/make-call", callab)
            #expect(test.carrier.placed.count == count)
        }
    }

    @Test func `a transfer shows a number of the tenant or of the call`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let other = #"{"to":"+14155550102","from":"+14155550199"}"#
            let refused = try await test.send(.POST, "/api/calls/\(call)/transfer", other)
            #expect(refused.status == 403 && refused["code"] == "caller_not_allowed")
            for number in ["+14155550100", TestServer.number] {
                let body = #"{"to":"+14155550102","from":"\#(number)"}"#
                // As far as the call's state allows.
                #expect(try await test.send(.POST, "/api/calls/\(call)/transfer", body)["code"] == "not_answered")
            }
        }
    }

    // MARK: Origins for the carrier

    @Test func `the carrier gets only origins that the operator has named`() async throws {
        try await TestServer.run(
            configure: {
                $0.callOrigins = [
                    .init("https://mine.example.test/bridge/"), .init("https://theirs.example.test", tenant: "other"),
                ]
            }
        ) { test async throws in
            func answer(_ origin: String, _ key: String = TestServer.key) async throws -> TestServer.Answer {
                let body = #"{"to":"+14155550101","webhook_url":"\#(origin)"}"#
                return try await test.send(.POST, "/api/calls", body, key: key)
            }
            for origin in [
                "https://elsewhere.example.test", "https://mine.example.test", "https://mine.example.test/bridge/x",
                "https://theirs.example.test", "https://voice.example.test:8443",
                "https://voice.example.test.evil.test",
            ] {
                let answer = try await answer(origin)
                #expect(answer.status == 403 && answer["code"] == "origin_not_allowed", "\(origin)")
            }
            #expect(test.carrier.placed.isEmpty)
            for origin in [
                TestServer.origin, "https://VOICE.example.test:443/", "https://mine.example.test/bridge",
                "https://mine.example.test/bridge/",
            ] {
                #expect(try await answer(origin).status == 201, "\(origin)")
            }
            #expect(try await answer("https://theirs.example.test", TestServer.otherKey).status == 201)
            #expect(try await answer("https://elsewhere.example.test", TestServer.otherKey).status == 403)
        }
    }

    @Test func `contradicting settings of these limits are named`() throws {
        var configuration = TestServer.configuration()
        configuration.twilio?.accountSID = "AC" + String(repeating: "0", count: 32)
        #expect(configuration.problems() == [])
        configuration.allowedNumberTypes.insert(.emergency)
        configuration.fromNumbers = ["nobody": ["0301234567"]]
        configuration.callOrigins = [.init("http://plain.example.test", tenant: "nobody")]
        let names = configuration.problems().map(\.setting)
        #expect(
            names == [
                "TALKPATH_ALLOWED_NUMBER_TYPES", "TALKPATH_FROM_NUMBERS", "TALKPATH_FROM_NUMBERS",
                "TALKPATH_CALL_ORIGINS", "TALKPATH_CALL_ORIGINS",
            ]
        )
    }

    @Test func `the settings of these limits are read`() throws {
        let environment = [
            "OPENAI_API_KEY": "key", "TALKPATH_ALLOWED_NUMBER_TYPES": "mobile, premium_rate",
            "TALKPATH_FROM_NUMBERS": "+14155550177,other:+14155550188", "TALKPATH_API_KEYS": "other:0123456789abcdef",
            "TALKPATH_CALL_ORIGINS": "https://a.example.test,other=https://b.example.test",
        ]
        let read = try ServerConfiguration.read(environment: environment, isDevelopment: true)
        #expect(read.allowedNumberTypes == [.mobile, .premiumRate])
        #expect(read.fromNumbers == ["default": ["+14155550177"], "other": ["+14155550188"]])
        #expect(
            read.callOrigins == [.init("https://a.example.test"), .init("https://b.example.test", tenant: "other")]
        )
    }
}
