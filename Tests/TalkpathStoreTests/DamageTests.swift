import Foundation
import GRDB
import Synchronization
import TalkpathCore
import TalkpathWire
import TestDatabases
import Testing

@testable import TalkpathStore

/// Rows, files and disks that fail: each says so, and costs no more than itself.
@Suite struct DamageTests {
    /// What a store has told.
    private final class News: Sendable {
        private let told = Mutex<[StoreNews]>([])
        var all: [StoreNews] { told.withLock { $0 } }
        func tell(_ news: StoreNews) { told.withLock { $0.append(news) } }
    }

    private static func store(
        _ location: SQLCallStore.Location = .memory,
        _ news: News,
        outbox: any OutboxSource = NoOutbox()
    ) throws -> SQLCallStore {
        try SQLCallStore(location, outbox: outbox, identifiers: TestIdentifiers(), news: news.tell)
    }

    // MARK: One row

    @Test(arguments: TestEngine.allCases, ["{", "[]", #"{"id":"one"}"#])
    func `an unreadable record hides no other`(engine: TestEngine, text: String) async throws {
        let news = News()
        let store = try await engine.store(news: news.tell)
        for id in ["one", "two"] { try await store.save(SampleCalls.ended(id)) }
        try await store.write { db in
            try db.execute("UPDATE records SET record = ? WHERE call_id = 'one'", [text])
        }
        for _ in 0..<2 {
            let listed = try await store.recent(limit: 10)
            #expect(Set(listed.map(\.id.text)) == ["one", "two"])
            #expect(listed.first { $0.id.text == "two" } == SampleCalls.listed(SampleCalls.ended("two")))
            let rest = try #require(try await store.find(CallID("one")))
            let whole = SampleCalls.ended("one")
            #expect(rest.to == whole.to && rest.from == whole.from && rest.endedAt == whole.endedAt)
            #expect(rest.carrierCallID == whole.carrierCallID && rest.status == whole.status)
            #expect(rest.transcript.count == 2, "the transcript is a row of its own")
            #expect(rest.receipt == nil)
        }
        #expect(news.all.count == 1, "told once")
        guard case .unreadable("record", "one", let reason)? = news.all.first else {
            Issue.record("\(news.all)")
            return
        }
        #expect(!reason.contains("4711") && !reason.contains("+1415"))
        #expect(try await store.delete(CallID("one"), tenant: "default") == [])
    }

    @Test(arguments: TestEngine.allCases)
    func `an unreadable transcript or analysis is left out`(engine: TestEngine) async throws {
        let news = News()
        let store = try await engine.store(news: news.tell)
        try await store.save(SampleCalls.ended("one"))
        try await store.write { db in
            try db.execute("UPDATE transcripts SET turns = '[{'")
            try db.execute("INSERT INTO analyses (call_id, analysis) VALUES ('one', 'none')")
        }
        let call = try #require(try await store.find(CallID("one")))
        #expect(call.transcript == [] && call.analysis == nil && call.receipt != nil)
        #expect(news.all.count == 2)
    }

    @Test(arguments: TestEngine.allCases)
    func `an unreadable live call is closed and hung up and set aside`(engine: TestEngine) async throws {
        let news = News()
        let store = try await engine.store(news: news.tell)
        try await store.journal(SampleCalls.live("one", tenant: "acme", carrierCallID: "CA1"))
        try await store.journal(SampleCalls.live("two"))
        try await store.write { db in
            try db.execute("UPDATE records SET record = 'rubbish' WHERE call_id = 'one'")
        }
        let swept = try await store.sweep(at: SampleCalls.noon + 60)
        #expect(Set(swept.map(\.id.text)) == ["one", "two"])
        let jobs = try await store.dueHangUps(at: SampleCalls.noon + 60)
        #expect(jobs.map(\.carrierCallID) == ["CA1"] && jobs.first?.tenant == "acme")
        let closed = try #require(try await store.find(CallID("one")))
        #expect(closed.receipt?.reason == .nodeLost)
        let aside = try await store.read { try $0.values(String.self, "SELECT record FROM set_aside") }
        #expect(aside == ["rubbish"])
        #expect(news.all.count == 1)
    }

    @Test(arguments: TestEngine.allCases)
    func `an unreadable agent hides no other and can be replaced`(engine: TestEngine) async throws {
        let news = News()
        let store = try await engine.store(news: news.tell)
        for id in ["a", "b"] {
            _ = try await store.putAgent(tenant: "t", id: id, profile: ["name": "x"], at: SampleCalls.noon)
        }
        try await store.write { try $0.execute("UPDATE agents SET profile = '' WHERE id = 'a'") }
        #expect(try await store.agents(tenant: "t").map(\.id) == ["b"])
        await #expect { try await store.agent(tenant: "t", id: "a") } throws: {
            ($0 as? StoreError)?.code == .unreadable
        }
        #expect(news.all.count == 1)
        let again = try await store.putAgent(tenant: "t", id: "a", profile: [:], at: SampleCalls.noon + 1)
        #expect(!again.isNew)
    }

    @Test(arguments: TestEngine.allCases)
    func `an unreadable event does not stop the deliveries behind it`(engine: TestEngine) async throws {
        let outbox = TestOutbox()
        let news = News()
        let store = try await engine.store(outbox: outbox, news: news.tell)
        let hook = Endpoint(
            id: "e",
            tenant: nil,
            kind: .webhook,
            url: "",
            secret: "",
            isConfigured: true,
            createdAt: SampleCalls.noon
        )
        try await store.putEndpoint(hook)
        for id in ["one", "two"] {
            try await store.journal(SampleCalls.live(id))
            outbox.tell("call.started", id)
        }
        try await store.writePending()
        try await store.write { try $0.execute("UPDATE events SET data = '{' WHERE call_id = 'one'") }
        let due = try await store.dueDeliveries(to: "e", at: SampleCalls.noon, limit: 8)
        #expect(due.map(\.event.callID.text) == ["one", "two"])
        #expect(due.first?.event.data == ["call_id": "one"])
        #expect(try await store.events(of: CallID("one"), after: 0).count == 1)
        #expect(news.all.count == 1)
    }

    // MARK: The disk

    @Test func `a full disk is told once and so is that it has room again`() async throws {
        try await TemporaryFolder.run { folder in
            let news = News()
            let store = try Self.store(.file(folder + "/store"), news)
            try await store.save(SampleCalls.ended("before"))
            try store.holdSize(true)
            var big = SampleCalls.ended("big")
            big.metadata["words"] = .string(String(repeating: "word ", count: 20_000))
            let call = big
            for _ in 0..<3 {
                await #expect { try await store.journal(call) } throws: { ($0 as? StoreError)?.isOfTheStore == true }
            }
            #expect(store.failure?.code == .full)
            // Nothing to be written proves nothing.
            try await store.writePending()
            #expect(store.failure != nil)
            #expect(try await store.find(CallID("before")) != nil, "what is there can be read")
            try store.holdSize(false)
            try await store.journal(call)
            #expect(store.failure == nil)
            #expect(news.all.count == 2 && news.all.last == .recovered)
            try store.close()
        }
    }

    /// The session's own bound for the record is over before the write fails: nobody waits for it any more.
    @Test func `a record whose saver has gone is tried again after a failure`() async throws {
        try await TemporaryFolder.run { folder in
            let store = try Self.store(.file(folder + "/store"), News())
            try await store.journal(SampleCalls.live("one"))
            try store.holdSize(true)
            var call = SampleCalls.ended("one")
            call.metadata["words"] = .string(String(repeating: "word ", count: 20_000))
            let ended = call
            let saving = Task { try await store.save(ended) }
            saving.cancel()
            await #expect { try await saving.value } throws: { $0 is CancellationError || $0 is StoreError }
            while store.unsavedCalls == 0 { await Task.yield() }
            try store.holdSize(false)
            try await store.writePending()
            #expect(try await store.find(CallID("one")) == SampleCalls.kept(ended))
            #expect(store.unsavedCalls == 0)
            try store.close()
        }
    }

    // MARK: The file

    private static func fill(_ path: String, calls: Int = 200) async throws {
        let store = try store(.file(path), News())
        for number in 0..<calls { try await store.save(SampleCalls.ended("call-\(number)")) }
        try store.close()
    }

    @Test func `after a clean stop everything is in the one file`() async throws {
        try await TemporaryFolder.run { folder in
            let path = folder + "/store"
            let store = try Self.store(.file(path), News())
            try await store.save(SampleCalls.ended("one"))
            _ = try await store.recent(limit: 5)
            #expect(FileManager.default.fileExists(atPath: path + "-wal"))
            try store.close()
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["store"])
            let alone = try DatabaseQueue(path: path)
            #expect(try await alone.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM calls") } == 1)
        }
    }

    @Test func `a damaged page costs what stood on it and the file is kept`() async throws {
        try await TemporaryFolder.run { folder in
            let path = folder + "/store"
            try await Self.fill(path)
            let file = try FileHandle(forUpdating: URL(filePath: path))
            let size = Int(try file.seekToEnd())
            // A few pages in the middle of the records.
            try file.seek(toOffset: UInt64(size / 2 / 4096 * 4096))
            try file.write(contentsOf: Data(repeating: 0xA5, count: 3 * 4096))
            try file.close()
            let damaged = try Data(contentsOf: URL(filePath: path))
            let news = News()
            let store = try Self.store(.file(path), news)
            guard case .repaired(let repair)? = news.all.first else {
                Issue.record("the damage was not seen: \(news.all)")
                return
            }
            let aside = try #require(repair.damagedFile)
            // Opening it in its journal mode makes and drops a table, which touches the header and the page that it used.
            let kept = try Data(contentsOf: URL(filePath: aside))
            func page(_ number: Int, _ data: Data) -> Data { data[number * 4096..<(number + 1) * 4096] }
            let changed = (0..<damaged.count / 4096).filter { page($0, kept) != page($0, damaged) }
            #expect(changed.count <= 2 && !changed.contains { $0 >= size / 2 / 4096 }, "pages \(changed)")
            #expect(repair.rows > 200)
            let count = try await store.recent(limit: 1000).count
            #expect((100...200).contains(count), "\(count) of 200 calls")
            try await store.save(SampleCalls.ended("afterwards"))
            try store.close()
            // Once: the next start finds nothing.
            let quiet = News()
            let again = try Self.store(.file(path), quiet)
            #expect(quiet.all.isEmpty)
            try again.close()
        }
    }

    @Test(arguments: [0, 20, 5_000, 60_000, 200_000])
    func `a log that was cut short is read as far as it goes and the store starts`(left: Int) async throws {
        try await TemporaryFolder.run { folder in
            let path = folder + "/store"
            try await Self.fill(path, calls: 20)
            let store = try Self.store(.file(path), News())
            for number in 0..<30 { try await store.save(SampleCalls.ended("late-\(number)")) }
            // As after the death of the process, by copies of the files as they stand.
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: folder + "/dead" + suffix)
            }
            try store.close()
            try FileHandle(forUpdating: URL(filePath: folder + "/dead-wal")).truncate(atOffset: UInt64(left))
            let revived = try Self.store(.file(folder + "/dead"), News())
            let ids = Set(try await revived.recent(limit: 1000).map(\.id.text))
            #expect(ids.isSuperset(of: (0..<20).map { "call-\($0)" }))
            try await revived.save(SampleCalls.ended("afterwards"))
            try revived.close()
            #expect(!FileManager.default.fileExists(atPath: folder + "/dead-wal"))
        }
    }

    // MARK: Copies

    @Test func `a copy is whole while the store is written to`() async throws {
        try await TemporaryFolder.run { folder in
            let path = folder + "/store"
            try await Self.fill(path, calls: 50)
            let store = try Self.store(.file(path), News())
            try await store.save(SampleCalls.ended("in the log"))
            async let writing: Void = {
                for number in 0..<100 { try await store.save(SampleCalls.ended("meanwhile-\(number)")) }
            }()
            let copy = folder + "/copy"
            #expect(try StoreBackup.make(of: path, at: copy) > 4096)
            try await writing
            #expect(try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions] as? Int == 0o600)
            #expect(!FileManager.default.fileExists(atPath: copy + ".partial"))
            #expect { try StoreBackup.make(of: path, at: copy) } throws: { ($0 as? StoreError)?.code == .cannotOpen }
            #expect { try StoreBackup.make(of: folder + "/none", at: copy + "2") } throws: {
                ($0 as? StoreError)?.code == .cannotOpen
            }
            try store.close()
            let restored = try Self.store(.file(copy), News())
            let ids = Set(try await restored.recent(limit: 1000).map(\.id.text))
            #expect(ids.isSuperset(of: (0..<50).map { "call-\($0)" } + ["in the log"]))
            #expect(try await restored.find(CallID("call-7")) == SampleCalls.kept(SampleCalls.ended("call-7")))
            try restored.close()
        }
    }
}
