import HTTPTypes
import NIOHTTP1
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// An agent's own webhook, which gets the events of calls that began while the agent had it.
@Suite(.timeLimit(.minutes(5))) struct AgentWebhookTests {
    private static let secret = "whsec_" + TalkpathCrypto.base64(Array("a secret of thirty-two bytes ...".utf8))

    /// A server that may send requests to this machine.
    private func run(
        _ folder: String? = nil,
        webhook: ServerConfiguration.Webhook? = nil,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        var configuration = TestServer.configuration()
        configuration.storage = .init(folder: folder)
        configuration.notifications.webhook = webhook
        var parts = TalkpathServer.Parts()
        let carrier = FakeCarrier()
        parts.carrier = carrier
        parts.addressPolicy = .development
        parts.deliveryBackoff = Backoff(first: .milliseconds(1), factor: 1, longest: .milliseconds(1), attempts: 2)
        let server = try await TalkpathServer.start(configuration, parts: parts, logger: TestServer.silent)
        do {
            try await body(TestServer(server: server, carrier: carrier, events: EventLog()))
        } catch {
            await server.shutDown()
            throw error
        }
        await server.shutDown()
    }

    private func webhook(_ url: String, events: String = #""call.started","call.ended""#, more: String = "") -> String {
        #""webhook":{"url":"\#(url)","secret":"\#(Self.secret)","events":[\#(events)]\#(more)}"#
    }

    private func types(_ hooks: [HookReceiver.Hook]) -> [String] { hooks.compactMap { $0.json["type"]?.string } }

    @Test func `an agent's webhook gets the events of its calls only`() async throws {
        try await HookReceiver.run { receiver in
            try await run { test async throws in
                let agent = try await test.send(.POST, "/api/agents", "{\(webhook(receiver.url))}")
                let id = try #require(agent["agent_id"]?.string, "\(agent.text)")
                _ = try await test.end(try await test.place())
                let call = try await test.place(#","agent_id":"\#(id)""#)
                _ = try await test.end(call)
                let hooks = await receiver.wait(for: 2)
                #expect(types(hooks) == ["call.started", "call.ended"])
                #expect(hooks.allSatisfy { $0.json["data"]?["call_id"]?.string == call.text })
                // The list of the tenant's webhooks does not have it.
                #expect(try await test.send(.GET, "/api/webhooks")["count"] == 0)
                try expectSignature(of: hooks[1])
            }
        }
    }

    @Test func `the webhook of an agent in a call's request gets the events`() async throws {
        try await HookReceiver.run { receiver in
            let own = ServerConfiguration.Webhook(url: "https://sink.example.test/none", secret: Self.secret)
            try await run(webhook: own) { test async throws in
                // Without its own secret it is signed with the server's.
                let webhook = #"{"url":"\#(receiver.url)","events":["call.ended"]}"#
                let call = try await test.place(#","agent":{"webhook":\#(webhook)}"#)
                _ = try await test.end(call)
                let hooks = await receiver.wait(for: 1)
                #expect(types(hooks) == ["call.ended"])
                try expectSignature(of: hooks[0])
            }
        }
    }

    private func expectSignature(of hook: HookReceiver.Hook) throws {
        let signed = try #require(WebhookSecret(Self.secret)).headers(
            id: hook.headers["webhook-id"] ?? "",
            timestamp: Int64(hook.headers["webhook-timestamp"] ?? "") ?? 0,
            body: Array(hook.body.utf8)
        )
        #expect(signed.first { $0.name == "webhook-signature" }?.value == hook.headers["webhook-signature"])
    }

    /// With the server's secret, a tenant could forge events to the operator's receivers.
    @Test func `the server's own secret signs for no other tenant`() async throws {
        let own = ServerConfiguration.Webhook(url: "https://sink.example.test/none", secret: Self.secret)
        try await run(webhook: own) { test async throws in
            let webhook = #"{"webhook":{"url":"https://93.184.216.34/"}}"#
            let theirs = try await test.send(.POST, "/api/agents", webhook, key: TestServer.otherKey)
            #expect(theirs.status == 422 && theirs["detail"]?.string?.hasPrefix("'webhook.secret'") == true)
            let order = #"{"to":"\#(TestServer.number)","agent":\#(webhook)}"#
            let call = try await test.send(.POST, "/api/calls", order, key: TestServer.otherKey)
            #expect(call.status == 422 && call["code"] == "invalid_field")
            #expect(try await test.send(.POST, "/api/agents", webhook).status == 201)

            // A webhook kept from before this rule is not signed with it, either.
            let dispatcher = test.server.state.dispatcher
            func secrets(_ tenant: String) async throws -> Int? {
                let kept = AgentWebhook(url: "https://93.184.216.34/", secret: nil, events: [])
                let now = WallTime(milliseconds: 0)
                return try await dispatcher.secrets(of: Endpoint(kept, tenant: tenant, createdAt: now))?
                    .current(at: now).count
            }
            #expect(try await secrets("default") == 1)
            #expect(try await secrets("other") == nil)
        }
    }

    @Test(arguments: [
        #"{"url":"https://10.0.0.1/hook","secret":"whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}"#,
        #"{"url":"http://sink.example.test","secret":"whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}"#,
        #"{"url":"https://sink.example.test","secret":"whsec_short"}"#, #"{"url":"https://sink.example.test"}"#,
    ])
    func `an invalid webhook is refused with an agent and with a call`(webhook: String) async throws {
        try await TestServer.run { test async throws in
            let agent = try await test.send(.POST, "/api/agents", #"{"webhook":\#(webhook)}"#)
            #expect(agent.status == 422 && agent["code"] == "invalid_field", "\(agent.text)")
            let order = #"{"to":"\#(TestServer.number)","agent":{"webhook":\#(webhook)}}"#
            let call = try await test.send(.POST, "/api/calls", order)
            #expect(call.status == 422 && call["code"] == "invalid_field", "\(call.text)")
            #expect(test.carrier.placed.isEmpty)
        }
    }

    @Test func `a failing receiver gets the event again, and then as a dead letter that can be replayed`() async throws
    {
        try await HookReceiver.run { receiver in
            receiver.answer(with: .internalServerError)
            try await run { test async throws in
                let fields = #","agent":{\#(webhook(receiver.url, events: #""call.ended""#))}"#
                _ = try await test.end(try await test.place(fields))
                let hooks = await receiver.wait(for: 2)
                #expect(Set(hooks.map { $0.headers["webhook-id"] }).count == 1)
                var dead = try await test.send(.GET, "/api/events/dead")
                while dead["count"] != 1 { dead = try await test.send(.GET, "/api/events/dead") }
                receiver.answer(with: .ok)
                let replayed = try await test.send(.POST, "/api/events/dead/replay", #"{"all":true}"#)
                #expect(replayed["count"] == 1)
                _ = await receiver.wait(for: 3)
            }
        }
    }

    @Test func `a receiver that is gone gets no events until the agent is saved again`() async throws {
        try await HookReceiver.run { receiver in
            receiver.answer(with: .gone)
            try await run { test async throws in
                let body = "{\(webhook(receiver.url, events: #""call.ended""#))}"
                _ = try await test.send(.PUT, "/api/agents/one", body)
                _ = try await test.end(try await test.place(#","agent_id":"one""#))
                _ = await receiver.wait(for: 1)
                var dead = try await test.send(.GET, "/api/events/dead")
                while dead["count"] != 1 { dead = try await test.send(.GET, "/api/events/dead") }
                _ = try await test.end(try await test.place(#","agent_id":"one""#))
                receiver.answer(with: .ok)
                _ = try await test.send(.PUT, "/api/agents/one", body)
                let third = try await test.place(#","agent_id":"one""#)
                _ = try await test.end(third)
                let hooks = await receiver.wait(for: 2)
                #expect(hooks[1].json["data"]?["call_id"]?.string == third.text)
            }
        }
    }

    /// The process died while the call was live, and the agent has been deleted.
    @Test func `the end of a call whose process died is delivered by the next process`() async throws {
        try await HookReceiver.run { receiver in
            try await ServerFolder.run { folder in
                try await folder.withStore { store async throws in
                    var call = ServerFolder.liveCall("lost")
                    call.agent.webhook = AgentWebhook(
                        url: receiver.url,
                        secret: Self.secret,
                        events: ["call.ended"]
                    )
                    try await store.journal(call)
                }
                try await run(folder.path) { _ in
                    let hooks = await receiver.wait(for: 1)
                    #expect(hooks[0].json["data"]?["ended_reason"] == "node_lost")
                    #expect(hooks[0].json["data"]?["call_id"] == "lost")
                }
            }
        }
    }

    // MARK: In others' words

    @Test func `a webhook in Talkover's format gets Talkover's words`() async throws {
        try await HookReceiver.run { receiver in
            try await run { test async throws in
                let fields = #","agent":{\#(webhook(receiver.url, events: "", more: #","format":"talkover""#))}"#
                let call = try await test.place(fields)
                _ = try await test.end(call)
                let hooks = await receiver.wait(for: 2).map(\.json)
                #expect(hooks.map { $0["event"] } == ["event_phone_call_started", "event_phone_call_ended"])
                let data = hooks[1]["data"]
                #expect(data?["id"]?.string == call.text && data?["sid"]?.string == FakeCarrier.name(call))
                #expect(data?["to"]?.string == TestServer.number && data?["ended_reason"] == "ended_by_api")
                #expect(data?["ended_at"]?.string != nil && data?["duration"] == 0)
            }
        }
    }

    @Test func `a webhook in Vocode's format gets Vocode's envelope`() async throws {
        try await HookReceiver.run { receiver in
            try await run { test async throws in
                let body = #"{"url":"\#(receiver.url)","format":"vocode"}"#
                #expect(try await test.send(.POST, "/api/webhooks", body)["format"] == "vocode")
                let call = try await test.place()
                try await test.progress("in-progress", of: call)
                _ = try await test.end(call)
                let hooks = await receiver.wait(for: 2).map(\.json)
                #expect(hooks.map { $0["type"] } == ["event_phone_call_connected", "event_phone_call_ended"])
                #expect(hooks.allSatisfy { $0["call_id"]?.string == call.text })
                #expect(hooks[0]["payload"]?["to_phone_number"]?.string == TestServer.number)
                #expect(hooks[1]["payload"]?["conversation_minutes"] != nil)
            }
        }
    }
}
