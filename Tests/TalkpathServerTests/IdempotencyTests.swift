import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct IdempotencyTests {
    private func place(
        _ test: TestServer,
        _ body: String = #"{"to":"+14155550101"}"#,
        idempotencyKey: String = "one",
        key: String = TestServer.key
    ) async throws -> TestServer.Answer {
        try await test.send(.POST, "/api/calls", body, key: key, headers: [("Idempotency-Key", idempotencyKey)])
    }

    @Test func theSameKeyAndBodyIsTheSameCall() async throws {
        try await TestServer.run { test async throws in
            let first = try await place(test)
            let second = try await place(test)
            #expect(first.status == 201 && second.status == 201)
            #expect(first.text == second.text)
            #expect(first.headers["Idempotent-Replayed"].isEmpty)
            #expect(second.headers["Idempotent-Replayed"] == ["true"])
            #expect(test.carrier.placed.count == 1)
        }
    }

    @Test func requestsThatComeWhileTheFirstIsUnderWayGetItsCall() async throws {
        let carrier = FakeCarrier(gate: Gate())
        try await TestServer.run(carrier: carrier) { test async throws in
            let ids = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<20 { group.addTask { try await place(test)["call_id"]?.string } }
                await carrier.gate?.waitForVisitor()
                carrier.gate?.open()
                return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
            }
            #expect(ids.count == 1 && ids.first != .some(nil))
            #expect(carrier.placed.count == 1)
        }
    }

    @Test func theSameKeyWithAnotherBodyIsAConflict() async throws {
        try await TestServer.run { test async throws in
            _ = try await place(test)
            let answer = try await place(test, #"{"to":"+14155550102"}"#)
            #expect(answer.status == 409 && answer["code"] == "idempotency_conflict")
            #expect(test.carrier.placed.count == 1)
        }
    }

    @Test func anotherTenantsKeyIsAnotherKey() async throws {
        try await TestServer.run { test async throws in
            let first = try await place(test)
            let second = try await place(test, key: TestServer.otherKey)
            #expect(first["call_id"] != second["call_id"])
            #expect(test.carrier.placed.count == 2)
        }
    }

    @Test func aRefusalIsNotKept() async throws {
        try await TestServer.run { test async throws in
            test.carrier.answerPlacing(with: .failure(CarrierError(.unavailable, "busy")))
            #expect(try await place(test).status == 502)
            test.carrier.answerPlacing(with: .success(()))
            #expect(try await place(test).status == 201)
        }
    }

    @Test func anOrderOfUnknownFateIsNotPlacedASecondTime() async throws {
        try await TestServer.run { test async throws in
            test.carrier.answerPlacing(with: .failure(CarrierError(.noAnswer, "nothing came back")))
            #expect(try await place(test).status == 502)
            test.carrier.answerPlacing(with: .success(()))
            #expect(try await place(test).status == 502)
            #expect(test.carrier.placed.count == 1)
        }
    }

    @Test func theOldestAnswersAreForgottenFirst() async {
        let store = Idempotency(capacity: 2)
        func perform(_ text: String) async -> Bool {
            let reply = await store.perform(.init(tenant: "", text: text), body: []) {
                Idempotency.Outcome(answer: .success(nil), isFinal: true)
            }
            if case .first = reply { return true } else { return false }
        }
        for key in ["a", "b", "c"] { #expect(await perform(key)) }
        #expect(await perform("c") == false)
        #expect(await perform("a"))
    }
}
