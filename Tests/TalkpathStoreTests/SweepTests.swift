import TalkpathCore
import TalkpathStore
import TalkpathWire
import TestDatabases
import Testing

@Suite struct SweepTests {
    private let restart = SampleCalls.noon + 3600

    @Test(arguments: TestEngine.allCases)
    func `calls that were live are closed once as lost and told`(engine: TestEngine) async throws {
        let store = try await engine.store(outbox: TestOutbox())
        try await store.journal(SampleCalls.live("placed", carrierCallID: "CA1"))
        try await store.journal(SampleCalls.live("placing", startedAt: SampleCalls.noon + 1))
        try await store.save(SampleCalls.ended("ended"))
        try await store.noteAlive(at: SampleCalls.noon + 20)
        let swept = try await store.sweep(at: restart)
        #expect(swept.map(\.id.text) == ["placed", "placing"])
        for call in swept {
            #expect(call.receipt?.reason == .nodeLost)
            #expect(call.status == .canceled)
            #expect(call.receipt?.carrierConfirmed == false)
            #expect(call.endedAt == SampleCalls.noon + 20, "not when it was found out, but when the process died")
            let kept = try await store.find(call.id)
            #expect(kept == call)
            #expect(try await store.types(of: call.id.text) == ["call.ended"])
        }
        #expect(swept.first?.duration == .seconds(20))
        #expect(try await store.sweep(at: restart).isEmpty)
        #expect(try await store.find(CallID("ended"))?.receipt?.reason == .endedByAPI)
        #expect(try await store.count(matching: CallQuery()) == 3)
    }

    @Test(arguments: TestEngine.allCases)
    func `an end is never before its beginning`(engine: TestEngine) async throws {
        let store = try await engine.store()
        try await store.noteAlive(at: SampleCalls.noon)
        try await store.journal(SampleCalls.live("one", startedAt: SampleCalls.noon + 3))
        let swept = try await store.sweep(at: SampleCalls.noon + 1)
        #expect(swept.first?.endedAt == SampleCalls.noon + 3)
        #expect(swept.first?.duration == .zero)
    }

    @Test(arguments: TestEngine.allCases)
    func `what the carrier has is hung up and what it may have waits for its name`(engine: TestEngine) async throws {
        let store = try await engine.store()
        try await store.journal(SampleCalls.live("placed", carrierCallID: "CA1"))
        try await store.journal(SampleCalls.live("placing"))
        var noCarrier = SampleCalls.live("browser")
        noCarrier.direction = .inbound
        try await store.journal(noCarrier)
        _ = try await store.sweep(at: restart)
        #expect(try await store.dueHangUps(at: restart).map(\.carrierCallID) == ["CA1"])
        #expect(try await store.hangUp(of: CallID("browser")) == nil)
        #expect(try await store.nameHangUp(CallID("placing"), "CA2"))
        #expect(try await !store.nameHangUp(CallID("placing"), "CA3"), "the first name counts")
        #expect(try await !store.nameHangUp(CallID("browser"), "CA3"))
        #expect(try await store.dueHangUps(at: restart).map(\.carrierCallID) == ["CA1", "CA2"])
        try await store.confirmHangUp(CallID("placed"))
        #expect(try await store.find(CallID("placed"))?.receipt?.carrierConfirmed == true)
        #expect(try await store.dueHangUps(at: restart).map(\.carrierCallID) == ["CA2"])
    }

    @Test(arguments: TestEngine.allCases)
    func `a hang-up that was not confirmed is the session's first and the job's afterwards or at the next start`(
        engine: TestEngine
    )
        async throws
    {
        let store = try await engine.store()
        let call = SampleCalls.ended("one", confirmed: false)
        try await store.save(call)
        let end = try #require(call.endedAt)
        #expect(try await store.dueHangUps(at: end + 24 * 60).isEmpty)
        #expect(try await store.dueHangUps(at: end + 25 * 60).map(\.carrierCallID) == ["CA1"])
        #expect(try await store.hastenHangUp(call.id))
        #expect(try await store.dueHangUps(at: end + 60).count == 1)
        try await store.postponeHangUp(call.id, until: end + 600)
        #expect(try await store.dueHangUps(at: end + 60).isEmpty)
        #expect(try await store.hangUp(of: call.id)?.attempts == 1)
        _ = try await store.sweep(at: end + 120)
        #expect(try await store.dueHangUps(at: end + 120).count == 1, "a new process does not wait")
    }

    @Test(arguments: TestEngine.allCases)
    func `the session's own confirmation settles the job`(engine: TestEngine) async throws {
        let store = try await engine.store()
        var call = SampleCalls.ended("one", confirmed: false)
        try await store.save(call)
        call.receipt?.carrierConfirmed = true
        try await store.update(call)
        #expect(try await store.hangUp(of: call.id) == nil)
        #expect(try await !store.hastenHangUp(call.id))
        let confirmed = SampleCalls.ended("two")
        try await store.save(confirmed)
        #expect(try await store.hangUp(of: confirmed.id) == nil)
    }

    @Test(arguments: TestEngine.allCases)
    func `a hang-up that can have no call any more is forgotten`(engine: TestEngine) async throws {
        let store = try await engine.store()
        let call = SampleCalls.ended("one", confirmed: false)
        try await store.save(call)
        #expect(try await store.abandonOldHangUps(at: SampleCalls.noon + 23 * 3600) == 0)
        #expect(try await store.abandonOldHangUps(at: SampleCalls.noon + 25 * 3600) == 1)
        #expect(try await store.hangUp(of: call.id) == nil)
    }
}
