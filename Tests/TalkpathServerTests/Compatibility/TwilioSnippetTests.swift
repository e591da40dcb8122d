import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct TwilioSnippetTests {
    private static let foreign = "CA" + String(repeating: "e", count: 32)

    private func hangUp(
        _ test: TestServer,
        _ body: String,
        key: String? = TestServer.key
    ) async throws -> TestServer.Answer {
        try await test.send(.POST, "/api/hangup", body, key: key)
    }

    @Test func `a call of ours is ended by the carrier's id, without credentials in the request`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let body = #"{"callSid":"\#(FakeCarrier.name(call))","accountSid":"AC9","authToken":"theirs"}"#
            let answer = try await hangUp(test, body)
            #expect(answer.status == 200)
            #expect(answer.text == #"{"message":"Succesfully hangup outbound call"}"#)
            #expect(test.events.ended.map(\.callID) == [call])
            #expect(try await hangUp(test, body).status == 200)
            #expect(test.events.ended.count == 1)
        }
    }

    @Test func `a call that is not ours is hung up at the carrier`() async throws {
        try await TestServer.run { test async throws in
            #expect(try await hangUp(test, #"{"callSid":"\#(Self.foreign)"}"#).status == 200)
            #expect(test.carrier.hungUp == [Self.foreign])
        }
    }

    @Test func `errors are answered as the snippet does`() async throws {
        try await TestServer.run { test async throws in
            let missing = #"{"message":"Failed to hangup outbound call","error":"No callSid provided"}"#
            for body in ["{}", #"{"callSid":""}"#, #"{"callSid":null}"#] {
                let answer = try await hangUp(test, body)
                #expect(answer.status == 500 && answer.text == missing)
            }
            for body in ["{", "", #"{"callSid":7}"#] {
                let answer = try await hangUp(test, body)
                #expect(answer.status == 500 && answer["message"] == "Failed to hangup outbound call")
            }
            test.carrier.answerHangingUp(with: .failure(CarrierError(.unauthorized, "Authenticate")))
            let refused = try await hangUp(test, #"{"callSid":"\#(Self.foreign)"}"#)
            #expect(refused.status == 500 && refused["error"] == "Authenticate")
            #expect(try await hangUp(test, "{}", key: nil).status == 401)
        }
    }

    @Test(arguments: [HTTPMethod.GET, .PUT, .DELETE, .PATCH])
    func `other methods are not allowed`(method: HTTPMethod) async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(method, "/api/hangup")
            #expect(answer.status == 405 && answer.headers["Allow"] == ["POST"])
            #expect(answer.text == "Method \(method.rawValue) Not Allowed")
        }
    }

    @Test func `a tenant without an account hangs up its own calls only`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let theirs = try await hangUp(
                test,
                #"{"callSid":"\#(FakeCarrier.name(call))"}"#,
                key: TestServer.otherKey
            )
            let unknown = try await hangUp(test, #"{"callSid":"\#(Self.foreign)"}"#, key: TestServer.otherKey)
            #expect(theirs.status == 500 && theirs.text == unknown.text)
            #expect(test.carrier.hungUp.isEmpty)
            let own = try await test.place(key: TestServer.otherKey)
            // The account's owner does not reach a tenant's call this way, either.
            let owners = try await hangUp(test, #"{"callSid":"\#(FakeCarrier.name(own))"}"#)
            #expect(owners.status == 500 && test.carrier.hungUp.isEmpty)
            #expect(
                try await hangUp(test, #"{"callSid":"\#(FakeCarrier.name(own))"}"#, key: TestServer.otherKey).status
                    == 200
            )
            #expect(test.events.ended.map(\.callID) == [own])
        }
    }
}
