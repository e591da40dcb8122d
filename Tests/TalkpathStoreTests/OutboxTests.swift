import Synchronization
import TalkpathCore
import TalkpathWire
import TestDatabases
import Testing

@testable import TalkpathStore

@Suite struct OutboxTests {
    @Test(arguments: TestEngine.allCases)
    func `the end is written with the record and after what was told before`(engine: TestEngine) async throws {
        let outbox = TestOutbox()
        let store = try await engine.store(outbox: outbox)
        try await store.journal(SampleCalls.live("one"))
        outbox.tell("call.started", "one")
        outbox.tell("call.answered", "one")
        try await store.save(SampleCalls.ended("one"))
        #expect(try await store.types(of: "one") == ["call.started", "call.answered", "call.ended"])
        #expect(outbox.written.last == [CallID("one")])
        // The loop tells the end as well: it is there already.
        outbox.tell("call.ended", "one")
        try await store.writePending()
        #expect(try await store.types(of: "one").filter { $0 == "call.ended" }.count == 1)
    }

    @Test(arguments: TestEngine.allCases)
    func `what is told before the journal waits for it and keeps its order`(engine: TestEngine) async throws {
        let outbox = TestOutbox()
        let store = try await engine.store(outbox: outbox)
        outbox.tell("call.started", "early")
        try await store.save(SampleCalls.ended("other"))
        outbox.tell("call.ringing", "early")
        #expect(try await store.types(of: "early") == [])
        try await store.journal(SampleCalls.live("early", tenant: "acme"))
        let events = try await store.events(of: CallID("early"), after: 0)
        #expect(events.map(\.type) == ["call.started", "call.ringing"])
        #expect(events.map(\.tenant) == ["acme", "acme"])
        #expect(events[0].data["to_number"] == "+14155550101")
        #expect(events[0].data["direction"] == "outbound")
        #expect(Set(events.map(\.id)).count == 2 && events.allSatisfy { $0.id.hasPrefix("evt_") })
    }

    @Test(arguments: TestEngine.allCases)
    func `a call that was never journalled still tells what happened in order`(engine: TestEngine) async throws {
        let outbox = TestOutbox()
        let store = try await engine.store(outbox: outbox)
        outbox.tell("call.started", "one")
        try await store.save(SampleCalls.ended("one"))
        #expect(try await store.types(of: "one") == ["call.started", "call.ended"])
    }

    @Test(arguments: TestEngine.allCases)
    func `what waits too long for its call's row is written without it`(engine: TestEngine) async throws {
        let outbox = TestOutbox()
        let store = try await engine.store(outbox: outbox, patience: .zero)
        outbox.tell("call.started", "lost")
        try await store.writePending()
        #expect(try await store.types(of: "lost") == [])
        try await store.writePending()
        #expect(try await store.types(of: "lost") == ["call.started"])
        #expect(store.early.withLock { $0.count } == 0)
    }

    @Test(arguments: TestEngine.allCases)
    func `an end is told with its record`(engine: TestEngine) async throws {
        let outbox = TestOutbox()
        let store = try await engine.store(outbox: outbox)
        try await store.journal(SampleCalls.live("saved"))
        outbox.tell("call.ended", "saved")
        try await store.writePending()
        #expect(try await store.types(of: "saved") == [])
        try await store.save(SampleCalls.ended("saved"))
        #expect(try await store.types(of: "saved") == ["call.ended"])
        #expect(store.early.withLock { $0.count } == 0)
    }

    @Test(arguments: TestEngine.allCases)
    func `an end whose record is given up is told without it`(engine: TestEngine) async throws {
        let outbox = TestOutbox()
        let store = try await engine.store(outbox: outbox, patience: .zero)
        try await store.journal(SampleCalls.live("lost"))
        outbox.tell("call.ended", "lost")
        while try await store.types(of: "lost").isEmpty { try await store.writePending() }
        #expect(store.early.withLock { $0.count } == 0)
    }

    /// A store that is behind must not go through all it has waiting with each write: then it never catches up.
    @Test(arguments: TestEngine.allCases)
    func `what waits for other calls is not looked at again with each write`(engine: TestEngine) async throws {
        let outbox = TestOutbox()
        let store = try await engine.store(outbox: outbox)
        for number in 0..<500 { outbox.tell("call.started", "early-\(number)") }
        try await store.writePending()
        #expect(outbox.pending.isEmpty, "the outbox would hand them over again")
        #expect(store.early.withLock { $0.count } == 500)
        outbox.tell("call.ringing", "early-7")
        try await store.journal(SampleCalls.live("early-7"))
        #expect(try await store.types(of: "early-7") == ["call.started", "call.ringing"])
        #expect(store.early.withLock { $0.count } == 499)
    }

    @Test(arguments: TestEngine.allCases)
    func `progress is noted in the journal`(engine: TestEngine) async throws {
        let outbox = TestOutbox()
        let store = try await engine.store(outbox: outbox)
        try await store.journal(SampleCalls.live("one"))
        outbox.tell(.progress(CallID("one"), .inProgress, at: SampleCalls.noon + 9))
        try await store.writePending()
        let swept = try await store.sweep(at: SampleCalls.noon + 60)
        #expect(swept.map(\.answeredAt) == [SampleCalls.noon + 9])
        #expect(swept.map(\.status) == [.completed])
    }

    @Test func `what could not be written is written later`() async throws {
        try await TemporaryFolder.run { folder in
            let outbox = TestOutbox()
            let store = try SQLCallStore(
                .file(folder + "/store"),
                outbox: outbox,
                identifiers: TestIdentifiers()
            )
            try await store.journal(SampleCalls.live("one"))
            // A full disk.
            try store.holdSize(true)
            let words = String(repeating: "word ", count: 20_000)
            outbox.tell("call.transcript", "one", data: ["text": .string(words)])
            await #expect { try await store.save(SampleCalls.ended("one")) } throws: { error in
                (error as? StoreError)?.code == .full
            }
            #expect(outbox.pending.count == 1)
            #expect(try await store.find(CallID("one"))?.endedAt == nil)
            try store.holdSize(false)
            try await store.writePending()
            #expect(try await store.types(of: "one") == ["call.transcript", "call.ended"])
            #expect(try await store.find(CallID("one")) == SampleCalls.kept(SampleCalls.ended("one")))
            try store.close()
        }
    }

    @Test(arguments: TestEngine.allCases)
    func `a write is carried out even if nobody waits for it`(engine: TestEngine) async throws {
        let store = try await engine.store()
        let saving = Task { try await store.save(SampleCalls.ended("one")) }
        saving.cancel()
        _ = await saving.result
        try await store.writePending()
        #expect(try await store.find(CallID("one"))?.endedAt != nil)
    }

    @Test(arguments: TestEngine.allCases)
    func `transcripts that are not kept are nowhere`(engine: TestEngine) async throws {
        let store = try await engine.store(keepsTranscripts: false)
        try await store.save(SampleCalls.ended("one"))
        #expect(try await store.find(CallID("one"))?.transcript == [])
    }

    @Test(arguments: TestEngine.allCases)
    func `an analysis is kept and told once`(engine: TestEngine) async throws {
        let outbox = TestOutbox()
        let store = try await engine.store(outbox: outbox)
        let ended = SampleCalls.ended("one")
        try await store.save(ended)
        let end = try #require(ended.endedAt)
        #expect(try await store.unanalysed(at: end).isEmpty, "its timeline may be on its way")
        outbox.tell(.timeline(CallID("one"), [[1, "a"]]))
        try await store.writePending()
        let waiting = try #require(try await store.unanalysed(at: end).first)
        #expect(waiting.timeline == [[1, "a"]])
        var call = waiting.call
        #expect(call.transcript == ended.transcript)
        var analysis = CallAnalysis()
        analysis.summary = "Short."
        call.analysis = analysis
        try await store.finishAnalysis(of: call, at: end)
        try await store.finishAnalysis(of: call, at: end)
        #expect(try await store.find(CallID("one"))?.analysis == analysis)
        #expect(try await store.recent(limit: 1).first?.analysis == analysis)
        #expect(try await store.types(of: "one") == ["call.ended", "call.analyzed"])
        #expect(try await store.unanalysed(at: end + 3600).isEmpty)
    }

    @Test(arguments: TestEngine.allCases)
    func `a call whose timeline was lost is looked at without it`(engine: TestEngine) async throws {
        let store = try await engine.store()
        let ended = SampleCalls.ended("one")
        try await store.save(ended)
        let waiting = try await store.unanalysed(at: try #require(ended.endedAt) + 60)
        #expect(waiting.map(\.call.id) == [CallID("one")])
        #expect(waiting.first?.timeline == nil)
    }
}
