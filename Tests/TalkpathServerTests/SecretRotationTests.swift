import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Replacing a webhook's secret without losing an event.
@Suite(.timeLimit(.minutes(5))) struct SecretRotationTests {
    private static let first = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

    /// The signatures of a message with each secret.
    private func signatures(of message: Receiver.Message, with secrets: [String]) throws -> String {
        let id = message.headers["webhook-id"] ?? ""
        let time = Int64(message.headers["webhook-timestamp"] ?? "") ?? 0
        return try secrets.map { text in
            let secret = try #require(WebhookSecret(text))
            return try #require(secret.headers(id: id, timestamp: time, body: message.body).last).value
        }.joined(separator: " ")
    }

    private func withWebhook(_ body: (TestServer, Receiver, String) async throws -> Void) async throws {
        try await Receiver.run { receiver async throws in
            try await TestServer.run(adjust: { $0.addressPolicy = .development }) { test async throws in
                let order = #"{"url":"\#(receiver.url)","secret":"\#(Self.first)","events":["call.ended"]}"#
                let answer = try await test.send(.POST, "/api/webhooks", order)
                #expect(answer["earlier_secret_until"] == .null)
                try await body(test, receiver, try #require(answer["webhook_id"]?.string))
            }
        }
    }

    private func nextEnd(_ test: TestServer, _ receiver: Receiver) async throws -> Receiver.Message {
        _ = try await test.end(try await test.place())
        return try await receiver.next()
    }

    @Test func `events have both signatures until the earlier secret expires`() async throws {
        try await withWebhook { test, receiver, webhook async throws in
            let before = try await nextEnd(test, receiver)
            #expect(try before.headers["webhook-signature"] == signatures(of: before, with: [Self.first]))

            let rotated = try await test.send(.POST, "/api/webhooks/\(webhook)/rotate")
            let second = try #require(rotated["secret"]?.string, "\(rotated.text)")
            #expect(rotated.status == 200 && second != Self.first)
            #expect(rotated["earlier_secret_until"]?.string.flatMap(WallTime.init(rfc3339:)) != nil)
            let shown = try await test.send(.GET, "/api/webhooks/\(webhook)")
            #expect(shown["secret"] == nil && shown["earlier_secret_until"] == rotated["earlier_secret_until"])
            let between = try await nextEnd(test, receiver)
            #expect(try between.headers["webhook-signature"] == signatures(of: between, with: [second, Self.first]))

            let third = WebhookSecret.make()
            let order = #"{"secret":"\#(third)","overlap_s":0}"#
            let again = try await test.send(.POST, "/api/webhooks/\(webhook)/rotate", order)
            #expect(again["secret"]?.string == third)
            let after = try await nextEnd(test, receiver)
            #expect(try after.headers["webhook-signature"] == signatures(of: after, with: [third]))
        }
    }

    @Test(arguments: [
        (#"{"secret":"whsec_short"}"#, 422, "invalid_field"), (#"{"overlap_s":604801}"#, 422, "invalid_field"),
        (#"{"overlap":1}"#, 422, "unknown_field"), ("[", 400, "malformed_json"),
    ])
    func `an invalid rotation changes no secret`(body: String, status: Int, code: String) async throws {
        try await withWebhook { test, receiver, webhook async throws in
            let answer = try await test.send(.POST, "/api/webhooks/\(webhook)/rotate", body)
            #expect(answer.status == status && answer["code"]?.string == code)
            let event = try await nextEnd(test, receiver)
            #expect(try event.headers["webhook-signature"] == signatures(of: event, with: [Self.first]))
        }
    }

    @Test func `another tenant's webhook answers like an unknown one`() async throws {
        try await withWebhook { test, receiver, webhook async throws in
            let theirs = try await test.send(.POST, "/api/webhooks/\(webhook)/rotate", key: TestServer.otherKey)
            let unknown = try await test.send(.POST, "/api/webhooks/none/rotate", key: TestServer.otherKey)
            #expect(theirs.status == 404 && theirs.text == unknown.text)
            let event = try await nextEnd(test, receiver)
            #expect(try event.headers["webhook-signature"] == signatures(of: event, with: [Self.first]))
        }
    }

    @Test func `the earlier secret expires at its time and is deleted`() async throws {
        let store = try SQLCallStore(.memory, identifiers: SystemIdentifiers())
        let clock = ManualClock()
        func later(_ seconds: Int64) -> WallTime {
            WallTime(milliseconds: clock.wallTime.milliseconds + seconds * 1000)
        }
        try await store.putEndpoint(
            Endpoint(
                id: "one",
                tenant: "default",
                kind: .webhook,
                url: "",
                secret: Self.first,
                createdAt: clock.wallTime
            )
        )
        _ = try await store.replaceSecret(
            of: "one",
            tenant: "default",
            with: WebhookSecret.make(),
            keepingEarlierUntil: later(60)
        )
        let secrets = WebhookSecrets.kept(endpoint: "one", store)
        #expect(try await secrets.current(at: later(59)).count == 2)
        #expect(try await secrets.current(at: later(60)).count == 1)
        try await store.forgetEarlierSecrets(before: later(59))
        #expect(try await store.endpoint("one")?.earlier?.secret == Self.first)
        try await store.forgetEarlierSecrets(before: later(60))
        #expect(try await store.endpoint("one")?.earlier == nil)
        #expect(try await WebhookSecrets.kept(endpoint: "none", store).current(at: later(0)).isEmpty)
    }
}
