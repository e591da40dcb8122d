import NIOHTTP1
import Synchronization
import TalkpathCore
import TalkpathNIO
import TalkpathStore
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

    @Test func `the same key and body give the same call`() async throws {
        try await TestServer.run { test async throws in
            let first = try await place(test)
            let second = try await place(test)
            #expect(first.status == 201 && second.status == 201)
            #expect(first["call_id"] != nil && first["call_id"] == second["call_id"])
            #expect(second["to_number"] == "+14155550101" && second["webhook_url"] == first["webhook_url"])
            #expect(first.headers["Idempotent-Replayed"].isEmpty)
            #expect(second.headers["Idempotent-Replayed"] == ["true"])
            #expect(test.carrier.placed.count == 1)
        }
    }

    @Test func `requests that come while the first is under way get its call`() async throws {
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

    @Test func `the same key with another body is a conflict`() async throws {
        try await TestServer.run { test async throws in
            _ = try await place(test)
            let answer = try await place(test, #"{"to":"+14155550102"}"#)
            #expect(answer.status == 409 && answer["code"] == "idempotency_conflict")
            #expect(test.carrier.placed.count == 1)
        }
    }

    @Test func `another tenant's key is another key`() async throws {
        try await TestServer.run { test async throws in
            let first = try await place(test)
            let second = try await place(test, key: TestServer.otherKey)
            #expect(first["call_id"] != second["call_id"])
            #expect(test.carrier.placed.count == 2)
        }
    }

    @Test func `a refusal is not kept`() async throws {
        try await TestServer.run { test async throws in
            test.carrier.answerPlacing(with: .failure(CarrierError(.unavailable, "busy")))
            #expect(try await place(test).status == 502)
            test.carrier.answerPlacing(with: .success(()))
            #expect(try await place(test).status == 201)
        }
    }

    @Test func `a request whose outcome is unknown is not placed a second time`() async throws {
        try await TestServer.run { test async throws in
            test.carrier.answerPlacing(with: .failure(CarrierError(.noAnswer, "nothing came back")))
            #expect(try await place(test).status == 502)
            test.carrier.answerPlacing(with: .success(()))
            #expect(try await place(test).status == 502)
            #expect(test.carrier.placed.count == 1)
        }
    }

    // MARK: Over the life of a process

    /// A server, and then another one on its files.
    private func runTwice(
        _ first: (TestServer) async throws -> Void,
        between: (SQLCallStore) async throws -> Void = { _ in },
        _ second: (TestServer) async throws -> Void
    ) async throws {
        try await ServerFolder.run { folder in
            try await TestServer.run(configure: { $0.storage = .init(folder: folder.path) }, first)
            try await folder.withStore(between)
            try await TestServer.run(configure: { $0.storage = .init(folder: folder.path) }, second)
        }
    }

    @Test func `after a restart the same key gives the same call`() async throws {
        let call = Mutex<JSONValue?>(nil)
        try await runTwice { test async throws in
            let first = try await place(test)
            #expect(first.status == 201)
            call.withLock { $0 = first["call_id"] }
        } _: { test async throws in
            let again = try await place(test)
            #expect(again.status == 201 && again.headers["Idempotent-Replayed"] == ["true"], "\(again.text)")
            #expect(again["call_id"] == call.withLock { $0 } && again["ended_reason"] == "shutdown")
            #expect(try await place(test, #"{"to":"+14155550102"}"#).status == 409)
            #expect(test.carrier.placed.isEmpty)
            #expect(try await place(test, idempotencyKey: "two").status == 201)
        }
    }

    @Test func `after a restart a request whose outcome is unknown is still not placed`() async throws {
        try await runTwice { test async throws in
            test.carrier.answerPlacing(with: .failure(CarrierError(.noAnswer, "nothing came back")))
            #expect(try await place(test).status == 502)
        } _: { test async throws in
            let again = try await place(test)
            #expect(again.status == 502 && again["code"] == "carrier_error" && again["call_id"] != nil)
            #expect(again["may_be_placed"] == true, "\(again.text)")
            #expect(test.carrier.placed.isEmpty)
        }
    }

    /// The process died between its request to the carrier and the answer.
    @Test func `a call whose process died before the answer is not placed a second time`() async throws {
        let body = #"{"to":"+14155550101"}"#
        try await runTwice { _ async throws in
        } between: { store async throws in
            let call = CallID("the first")
            let claim = try await store.claimIdempotencyKey(
                "one",
                tenant: "default",
                digest: TalkpathCrypto.sha256(Array(body.utf8)),
                call: call,
                at: SystemClock().wallTime
            )
            #expect(claim == .first)
            var snapshot = ServerFolder.liveCall("the first")
            snapshot.carrierCallID = "CA1"
            try await store.journal(snapshot)
        } _: { test async throws in
            for _ in 0..<2 {
                let again = try await place(test, body)
                #expect(again.status == 201 && again["call_id"] == "the first", "\(again.text)")
                #expect(again["ended_reason"] == "node_lost")
            }
            #expect(test.carrier.placed.isEmpty)
        }
    }

    /// The process died before its request to the carrier.
    @Test func `a call that was only reserved is placed by the next process`() async throws {
        let body = #"{"to":"+14155550101"}"#
        try await runTwice { _ async throws in
        } between: { store async throws in
            _ = try await store.claimIdempotencyKey(
                "one",
                tenant: "default",
                digest: TalkpathCrypto.sha256(Array(body.utf8)),
                call: CallID("the-first"),
                at: SystemClock().wallTime
            )
        } _: { test async throws in
            #expect(try await place(test, #"{"to":"+14155550102"}"#).status == 409)
            let again = try await place(test, body)
            #expect(again.status == 201 && again["call_id"] == "the-first", "\(again.text)")
            #expect(again.headers["Idempotent-Replayed"].isEmpty)
            #expect(test.carrier.placed.map(\.callID.text) == ["the-first"])
            #expect(try await place(test, body)["call_id"] == "the-first")
            #expect(test.carrier.placed.count == 1)
        }
    }

    @Test func `the key of a deleted call places no other call`() async throws {
        try await TestServer.run { test async throws in
            let first = try await place(test)
            let call = CallID(try #require(first["call_id"]?.string))
            _ = try await test.end(call)
            let store = test.server.state.store.calls
            #expect(try await store.delete(call, tenant: "default") != nil)
            let again = try await place(test)
            #expect(again.status == 409 && again["code"] == "idempotency_conflict")
            #expect(test.carrier.placed.count == 1)
        }
    }

    @Test func `a key is kept for a day`() async throws {
        try await TestServer.run { test async throws in
            let state = test.server.state
            for (key, hours) in [("old", 25), ("young", 23)] {
                let then = WallTime(milliseconds: state.bridge.clock.wallTime.milliseconds - Int64(hours) * 3_600_000)
                let digest = TalkpathCrypto.sha256(Array(#"{"to":"+14155550109"}"#.utf8))
                let call = CallID(key)
                _ = try await state.store.calls
                    .claimIdempotencyKey(key, tenant: "default", digest: digest, call: call, at: then)
            }
            try await StoreUpkeep(
                store: state.store.calls,
                recorder: state.store.recorder,
                storage: state.configuration.storage,
                clock: state.bridge.clock,
                logger: TestServer.silent
            ).tidy()
            #expect(try await place(test, idempotencyKey: "old").status == 201)
            #expect(try await place(test, idempotencyKey: "young").status == 409)
        }
    }
}
