import TalkpathNIO
import NIOHTTP1
import TalkpathCore
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// A tenant with its own account at the carrier.
@Suite struct TenantTests {
    private static let account = "AC" + String(repeating: "b", count: 32)
    private static let token = "fedcba9876543210fedcba9876543210"

    private func run(
        agents: [String: ServerConfiguration.InboundAgent] = [:],
        _ body: (TestServer, FakeCarrier) async throws -> Void
    ) async throws {
        let own = FakeCarrier()
        try await TestServer.run(
            tenantCarriers: ["other": own],
            configure: {
                $0.tenantTwilio = [
                    "other": .init(accountSID: Self.account, authToken: Self.token, fromNumber: "+14155550900")
                ]
                $0.inboundAgents = agents
            }
        ) { test async throws in
            try await body(test, own)
        }
    }

    private func incoming(_ sid: String, to number: String, own: Bool) -> FormParameters {
        [
            "CallSid": sid, "CallStatus": "ringing", "From": "+14155550199", "To": number,
            "AccountSid": own ? Self.account : "AC1",
        ]
    }

    @Test func `its calls go over its own account`() async throws {
        try await run { test, own in
            let call = try await test.place(key: TestServer.otherKey)
            #expect(own.placed.map(\.from) == ["+14155550900"] && test.carrier.placed.isEmpty)
            let ended = try await test.send(.POST, "/api/calls/\(call)/end", key: TestServer.otherKey)
            #expect(ended.status == 200 && own.hungUp == [FakeCarrier.name(call)] && test.carrier.hungUp.isEmpty)
            let shared = try await test.place()
            _ = try await test.end(shared)
            #expect(test.carrier.hungUp == [FakeCarrier.name(shared)])
        }
    }

    @Test func `its calls are released at every kind of end`() async throws {
        try await run { test, own in
            let carriers = try #require(test.server.state.carriers)
            for status in ["completed", "busy", "failed", "no-answer", "canceled"] {
                let call = try await test.place(key: TestServer.otherKey)
                #expect(carriers.rememberedCalls == 1)
                let form: FormParameters = [
                    "CallSid": FakeCarrier.name(call), "CallStatus": status, "AccountSid": Self.account,
                ]
                let answer = try await test.webhook("/twilio/status?call_id=\(call)", form, token: Self.token)
                #expect(answer.status == 204)
                await test.events.wait { if case .ended = $0 { true } else { false } }
                #expect(carriers.rememberedCalls == 0, "\(status)")
            }
            let form = incoming("CA99", to: "+14155550900", own: true)
            #expect(try await test.webhook("/twilio/voice", form, token: Self.token).status == 200)
            #expect(carriers.rememberedCalls == 1)
            let over: FormParameters = ["CallSid": "CA99", "CallStatus": "completed", "AccountSid": Self.account]
            _ = try await test.webhook("/twilio/status", over, token: Self.token)
            await test.events.wait { if case .ended = $0 { true } else { false } }
            #expect(carriers.rememberedCalls == 0)
            // The call was ended by us and not confirmed at first, so the account is still needed.
            own.answerHangingUp(with: .failure(CarrierError(.noAnswer, "nothing")))
            let call = try await test.place(key: TestServer.otherKey)
            _ = try await test.send(.POST, "/api/calls/\(call)/end", key: TestServer.otherKey)
            #expect(carriers.rememberedCalls == 1)
            own.answerHangingUp(with: .success(.done))
            _ = try await carriers.hangUp(FakeCarrier.name(call))
            #expect(carriers.rememberedCalls == 0)
        }
    }

    @Test func `an account cannot change the calls of another`() async throws {
        try await run { test, _ in
            let shared = try await test.place()
            let theirs = try await test.place(key: TestServer.otherKey)
            func status(_ call: CallID, account: String, token: String) async throws -> Int {
                let form: FormParameters = [
                    "CallSid": FakeCarrier.name(call), "CallStatus": "completed", "AccountSid": account,
                ]
                return try await test.webhook("/twilio/status?call_id=\(call)", form, token: token).status
            }
            #expect(try await status(shared, account: Self.account, token: Self.token) == 403)
            #expect(try await status(theirs, account: "AC1", token: TestServer.authToken) == 403)
            #expect(try await status(theirs, account: Self.account, token: TestServer.authToken) == 403)
            #expect(try await test.send(.GET, "/health")["active_calls"] == 2)
            #expect(try await status(theirs, account: Self.account, token: Self.token) == 204)
            #expect(try await status(shared, account: "AC1", token: TestServer.authToken) == 204)
        }
    }

    @Test func `its media sockets are signed with its token`() async throws {
        try await run { test, _ in
            let socket = try await test.mediaSocket(token: Self.token)
            await socket.connection.close()
            await #expect(throws: (any Error).self) { _ = try await test.mediaSocket(token: "neither") }
        }
    }

    @Test func `its agents answer calls to its own numbers only`() async throws {
        try await run { test, _ in
            for (key, name) in [(TestServer.otherKey, "Theirs"), (TestServer.key, "Ours")] {
                let agent = #"{"name":"\#(name)","numbers":["+14155550500"]}"#
                #expect(try await test.send(.POST, "/api/agents", agent, key: key).status == 201)
            }
            // The same number, over either account.
            _ = try await test.webhook(
                "/twilio/voice",
                incoming("CA1", to: "+14155550500", own: true),
                token: Self.token
            )
            _ = try await test.webhook("/twilio/voice", incoming("CA2", to: "+14155550500", own: false))
            _ = try await test.webhook(
                "/twilio/voice",
                incoming("CA3", to: "+14155550501", own: true),
                token: Self.token
            )
            func agents(_ key: String) async throws -> [String?] {
                let calls = try await test.send(.GET, "/api/calls", key: key)["calls"]?.array ?? []
                return calls.sorted { $0["carrier_call_id"]?.string ?? "" < $1["carrier_call_id"]?.string ?? "" }
                    .map { $0["agent"]?["name"]?.string ?? $0["agent_id"]?.string }
            }
            #expect(try await agents(TestServer.otherKey) == ["Theirs", "default"])
            #expect(try await agents(TestServer.key) == ["Ours"])
        }
    }

    @Test func `the settings' agent of a number has priority`() async throws {
        let agents: [String: ServerConfiguration.InboundAgent] = [
            "+14155550500": .init(id: "front-desk"), "+14155550501": .init(tenant: "other", id: "theirs"),
        ]
        try await run(agents: agents) { test, _ in
            _ = try await test.send(.PUT, "/api/agents/front-desk", #"{"name":"Front desk"}"#)
            _ = try await test.send(.POST, "/api/agents", #"{"name":"Claims it","numbers":["+14155550500"]}"#)
            _ = try await test.webhook("/twilio/voice", incoming("CA1", to: "+14155550500", own: false))
            // The number belongs to a tenant with another account, so no tenant of this account gets its calls.
            _ = try await test.webhook("/twilio/voice", incoming("CA2", to: "+14155550501", own: false))
            let calls = try await test.send(.GET, "/api/calls")["calls"]?.array ?? []
            #expect(Set(calls.map { $0["agent_id"]?.string }) == ["front-desk", "default"])
            #expect(try await test.send(.GET, "/api/calls", key: TestServer.otherKey)["count"] == 0)
        }
    }

    @Test func `on the shared account a tenant cannot claim numbers`() async throws {
        try await TestServer.run { test async throws in
            let agent = #"{"name":"Hijacker","numbers":["+14155550100"]}"#
            _ = try await test.send(.POST, "/api/agents", agent, key: TestServer.otherKey)
            _ = try await test.webhook("/twilio/voice", incoming("CA1", to: "+14155550100", own: false))
            #expect(try await test.send(.GET, "/api/calls", key: TestServer.otherKey)["count"] == 0)
            #expect(try await test.send(.GET, "/api/calls")["calls"]?[0]?["agent_id"] == "default")
        }
    }

    @Test func `after a restart every account is asked in turn`() async throws {
        let (shared, own) = (FakeCarrier(), FakeCarrier())
        let carriers = TenantCarriers(shared: shared, own: ["other": own], destinations: Destinations(prefixes: ["+"]))
        shared.answerHangingUp(with: .success(.alreadyGone))
        #expect(try await carriers.hangUp("CA1") == .done)
        #expect(shared.hungUp == ["CA1"] && own.hungUp == ["CA1"])
        own.answerHangingUp(with: .success(.alreadyGone))
        #expect(try await carriers.hangUp("CA2") == .alreadyGone)
        own.answerHangingUp(with: .failure(CarrierError(.unavailable, "later")))
        await #expect(throws: CarrierError.self) { _ = try await carriers.hangUp("CA3") }
    }

    @Test func `a hang-up that survives its process goes to its tenant's account`() async throws {
        let (shared, own, third) = (FakeCarrier(), FakeCarrier(), FakeCarrier())
        let configure = { (configuration: inout ServerConfiguration, folder: ServerFolder) in
            configuration.storage = .init(folder: folder.path)
            configuration.apiKeys.append(.init("a third key, of yet another", tenant: "third"))
            configuration.tenantTwilio = [
                "other": .init(accountSID: Self.account, authToken: Self.token, fromNumber: "+14155550900"),
                "third": .init(
                    accountSID: "AC" + String(repeating: "c", count: 32),
                    authToken: "third",
                    fromNumber: "+14155550901"
                ),
            ]
        }
        try await ServerFolder.run { folder in
            try await folder.withStore { store async throws in
                for (id, tenant) in [("theirs", "other"), ("ours", "default")] {
                    var call = ServerFolder.liveCall(id, tenant: tenant)
                    call.carrierCallID = "CA-\(id)"
                    try await store.journal(call)
                }
            }
            try await TestServer.run(
                carrier: shared,
                tenantCarriers: ["other": own, "third": third],
                configure: { configure(&$0, folder) }
            ) { test async throws in
                let store = test.server.state.store.calls
                for id in ["theirs", "ours"] {
                    while try await store.hangUp(of: CallID(id)) != nil { await Task.yield() }
                    #expect(try await store.find(CallID(id))?.receipt?.carrierConfirmed == true)
                }
            }
        }
        #expect(own.hungUp == ["CA-theirs"] && shared.hungUp == ["CA-ours"] && third.hungUp.isEmpty)
    }

    @Test func `a call from before a tenant had an account is hung up on the shared one`() async throws {
        let (shared, own, third) = (FakeCarrier(), FakeCarrier(), FakeCarrier())
        let carriers = TenantCarriers(
            shared: shared,
            own: ["other": own, "third": third],
            destinations: Destinations(prefixes: ["+"])
        )
        own.answerHangingUp(with: .success(.alreadyGone))
        #expect(try await carriers.hangUp("CA1", tenant: "other") == .done)
        #expect(own.hungUp == ["CA1"] && shared.hungUp == ["CA1"] && third.hungUp.isEmpty)
        own.answerHangingUp(with: .failure(CarrierError(.unavailable, "later")))
        await #expect(throws: CarrierError.self) { _ = try await carriers.hangUp("CA2", tenant: "other") }
    }

    @Test func `a transfer to a forbidden destination is refused`() async throws {
        let carriers = TenantCarriers(shared: FakeCarrier(), own: [:], destinations: Destinations(prefixes: ["+49"]))
        await #expect(throws: CarrierError.self) {
            let order = CarrierInstructions.dial(number: "+14155550101", callerID: nil, ringTimeout: .seconds(20))
            try await carriers.redirect("CA1", to: order)
        }
    }
}
