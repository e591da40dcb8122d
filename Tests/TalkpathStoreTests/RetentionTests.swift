import Foundation
import TalkpathCore
import TalkpathWire
import TestDatabases
import Testing

@testable import TalkpathStore

@Suite struct RetentionTests {
    private static let secret = "MY-VERY-OWN-WORDS"

    private static func talkative(_ id: String) -> CallSnapshot {
        var call = SampleCalls.ended(id)
        call.transcript = [TranscriptEntry(speaker: .caller, text: secret, milliseconds: 1)]
        call.metadata = ["note": .string(secret)]
        return call
    }

    /// Whether the words stand in any of the files.
    private static func holds(_ folder: String, _ words: String) throws -> Bool {
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(!files.isEmpty)
        return try files.contains { file in
            try Data(contentsOf: URL(filePath: folder + "/" + file)).range(of: Data(words.utf8)) != nil
        }
    }

    @Test(arguments: TestEngine.allCases)
    func `the key of a forgotten call stays taken`(engine: TestEngine) async throws {
        let store = try await engine.store()
        let call = SampleCalls.ended("one")
        func claim() async throws -> IdempotencyClaim {
            try await store.claimIdempotencyKey("k", tenant: "a", digest: [1], call: call.id, at: SampleCalls.noon)
        }
        #expect(try await claim() == .first)
        try await store.save(call)
        _ = try await store.delete(call.id, tenant: call.tenant)
        #expect(try await claim() == .answered(call.id, [:]))
    }

    @Test func `a deleted call leaves no copy in any file`() async throws {
        try await TemporaryFolder.run { folder in
            let outbox = TestOutbox()
            let store = try SQLCallStore(.file(folder + "/store"), outbox: outbox, identifiers: TestIdentifiers())
            let endpoint = Endpoint(
                id: "e",
                tenant: nil,
                kind: .webhook,
                url: "",
                secret: "",
                createdAt: SampleCalls.noon
            )
            try await store.putEndpoint(endpoint)
            let call = Self.talkative("one")
            try await store.journal(call)
            outbox.tell("call.transcript", "one", data: ["text": .string(Self.secret)])
            try await store.save(call)
            var analysed = call
            analysed.analysis = CallAnalysis()
            analysed.analysis?.summary = Self.secret
            try await store.finishAnalysis(of: analysed, at: SampleCalls.noon)
            #expect(try await store.addRecording("/recordings/one.ogg", of: call.id, at: SampleCalls.noon))
            let delivery = try #require(
                try await store.dueDeliveries(to: "e", at: SampleCalls.noon + 60, limit: 1).first
            )
            try await store.buryDelivery(delivery.id, at: SampleCalls.noon, failure: "")
            #expect(try Self.holds(folder, Self.secret), "or this test could not fail")

            #expect(try await store.delete(call.id, tenant: "acme") == nil)
            #expect(try await store.delete(call.id, tenant: "default") == ["/recordings/one.ogg"])
            #expect(try await store.find(call.id) == nil)
            #expect(try await store.types(of: "one") == [])
            #expect(try await store.deadDeliveries(tenant: nil).isEmpty)
            #expect(try await store.recordings(of: call.id) == [])
            #expect(try !Self.holds(folder, Self.secret))
            #expect(try await store.delete(call.id, tenant: "default") == nil)
            try store.close()
        }
    }

    /// Otherwise a tenant would get its minutes back by deleting calls.
    @Test func `what deleted calls have talked stays in the sum of their day and nothing else of them`() async throws {
        try await TemporaryFolder.run { folder in
            let store = try SQLCallStore(.file(folder + "/store"), identifiers: TestIdentifiers())
            let noon = SampleCalls.noon.milliseconds
            let today = WallTime(milliseconds: noon - noon % 86_400_000)
            for (id, tenant) in [("one", "acme"), ("two", "acme"), ("three", "acme"), ("four", "other")] {
                var call = SampleCalls.ended(id)
                call.tenant = tenant
                call.to = "+14155559999"
                call.answeredAt = SampleCalls.noon
                call.endedAt = SampleCalls.noon + 60
                try await store.save(call)
            }
            var unanswered = SampleCalls.ended("five")
            unanswered.tenant = "acme"
            unanswered.answeredAt = nil
            try await store.save(unanswered)
            let before = try await store.talkingTime(endedSince: today)
            #expect(before == ["acme": .seconds(180), "other": .seconds(60)])

            for id in ["one", "two", "five"] { #expect(try await store.delete(CallID(id), tenant: "acme") != nil) }
            #expect(try await store.talkingTime(endedSince: today) == before)
            _ = try await store.forgetCalls(endedBefore: SampleCalls.noon + 100)
            #expect(try await store.talkingTime(endedSince: today) == before)
            #expect(try !Self.holds(folder, "+14155559999"))
            // The next day asks for none of it.
            let tomorrow = today + 86_400
            #expect(try await store.talkingTime(endedSince: tomorrow) == [:])
            try await store.forgetTalkingTime(before: today)
            #expect(try await store.talkingTime(endedSince: today) == before)
            try await store.forgetTalkingTime(before: tomorrow)
            #expect(try await store.talkingTime(endedSince: today) == [:])
            try store.close()
        }
    }

    @Test(arguments: TestEngine.allCases)
    func `a live call is not deleted`(engine: TestEngine) async throws {
        let store = try await engine.store()
        try await store.journal(SampleCalls.live("one"))
        #expect(try await store.delete(CallID("one"), tenant: "default") == nil)
        #expect(try await store.find(CallID("one")) != nil)
    }

    @Test func `what was said is forgotten in time and the rest is kept`() async throws {
        try await TemporaryFolder.run { folder in
            let outbox = TestOutbox()
            let store = try SQLCallStore(.file(folder + "/store"), outbox: outbox, identifiers: TestIdentifiers())
            var old = Self.talkative("old")
            old.metadata = [:]
            try await store.journal(old)
            outbox.tell("call.transcript", "old", data: ["text": .string(Self.secret)])
            try await store.save(old)
            old.analysis = CallAnalysis()
            old.analysis?.summary = Self.secret
            old.analysis?.sentiment = .negative
            try await store.finishAnalysis(of: old, at: SampleCalls.noon)
            let young = SampleCalls.ended("young", startedAt: SampleCalls.noon + 1000)
            try await store.save(young)

            #expect(try await store.forgetTranscripts(endedBefore: SampleCalls.noon + 500) == 1)
            #expect(try await store.forgetTranscripts(endedBefore: SampleCalls.noon + 500) == 0)
            let kept = try #require(try await store.find(old.id))
            #expect(kept.transcript.isEmpty)
            #expect(kept.analysis?.summary == nil && kept.analysis?.sentiment == .negative)
            #expect(kept.receipt == old.receipt)
            #expect(try await store.types(of: "old") == ["call.ended"])
            #expect(try !Self.holds(folder, Self.secret))
            #expect(try await store.find(young.id)?.transcript == young.transcript)
            try store.close()
        }
    }

    @Test(arguments: TestEngine.allCases)
    func `calls recordings and events are forgotten in time`(engine: TestEngine) async throws {
        let store = try await engine.store(outbox: TestOutbox())
        try await store.save(SampleCalls.ended("old"))
        try await store.save(SampleCalls.ended("young", startedAt: SampleCalls.noon + 1000))
        _ = try await store.addRecording("/old.ogg", of: CallID("old"), at: SampleCalls.noon)
        _ = try await store.addRecording("/young.ogg", of: CallID("young"), at: SampleCalls.noon)
        #expect(try await !store.addRecording("/x", of: CallID("nobody"), at: SampleCalls.noon))
        let limit = SampleCalls.noon + 500
        #expect(try await store.forgetRecordings(endedBefore: limit) == ["/old.ogg"])
        #expect(try await store.recordings(of: CallID("young")) == ["/young.ogg"])
        #expect(try await store.forgetEvents(before: limit) == 1)
        #expect(try await store.types(of: "young") == ["call.ended"])
        let gone = try await store.forgetCalls(endedBefore: limit)
        #expect(gone.count == 1 && gone.paths.isEmpty)
        #expect(try await store.find(CallID("old")) == nil)
        let all = try await store.forgetCalls(endedBefore: SampleCalls.noon + 100_000)
        #expect(all.count == 1 && all.paths == ["/young.ogg"])
    }

    @Test(arguments: TestEngine.allCases)
    func `an event that somebody waits for is kept`(engine: TestEngine) async throws {
        let outbox = TestOutbox()
        let store = try await engine.store(outbox: outbox)
        let endpoint = Endpoint(id: "e", tenant: nil, kind: .webhook, url: "", secret: "", createdAt: SampleCalls.noon)
        try await store.putEndpoint(endpoint)
        try await store.save(SampleCalls.ended("one"))
        #expect(try await store.forgetEvents(before: SampleCalls.noon + 100_000) == 0)
    }
}
