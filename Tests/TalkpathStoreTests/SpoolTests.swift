import Foundation
import GRDB
import Synchronization
import TalkpathCore
import TestDatabases
import Testing

@testable import TalkpathStore

/// Records of calls that end while the database is away.
@Suite(.enabled(if: TestPostgres.isInstalled)) struct SpoolTests {
    private static func store(
        _ url: String,
        _ folder: String,
        outbox: any OutboxSource = NoOutbox()
    ) throws -> SQLCallStore {
        try SQLCallStore(
            postgres: url,
            outbox: outbox,
            identifiers: TestIdentifiers(),
            ownsDatabase: false,
            spool: RecordSpool(at: folder + "/spool.sqlite")
        )
    }

    @Test func `records that could not be written survive the process, and are written before the sweep`() async throws
    {
        let server = try TestPostgres.shared()
        let schema = try server.makeSchema()
        let proxy = try CuttingProxy(to: server.port)
        defer { proxy.close() }
        try await TemporaryFolder.run { folder in
            let dying = try Self.store(
                server.url(
                    overLoopbackAs: "postgres",
                    password: TestPostgres.quotedPassword,
                    port: proxy.port,
                    schema: schema.name
                ),
                folder
            )
            for id in ["one", "two", "live"] { try await dying.journal(SampleCalls.live(id)) }
            #expect(!FileManager.default.fileExists(atPath: folder + "/spool.sqlite"), "nothing waits")
            proxy.refuseAll(true)
            for id in ["two", "one"] {
                await #expect(throws: StoreError.self) { try await dying.save(SampleCalls.ended(id)) }
            }
            try dying.close()

            let outbox = TestOutbox()
            let next = try Self.store(schema.url, folder, outbox: outbox)
            #expect(try await next.writeSpooled() == 2)
            #expect(try await next.sweep(at: SampleCalls.noon + 60).map(\.id) == [CallID("live")])
            for id in ["one", "two"] {
                #expect(try await next.find(CallID(id)) == SampleCalls.kept(SampleCalls.ended(id)))
                #expect(try await next.types(of: id) == ["call.ended"])
            }
            #expect(!FileManager.default.fileExists(atPath: folder + "/spool.sqlite"), "it is empty")
            #expect(try await next.writeSpooled() == 0)
            try next.close()
        }
    }

    @Test func `a call that another node has closed meanwhile stays as that node closed it`() async throws {
        let url = try TestPostgres.shared().makeSchema().url
        try await TemporaryFolder.run { folder in
            let spool = try RecordSpool(at: folder + "/spool.sqlite")
            #expect(spool.add(SampleCalls.ended("one")))
            spool.close()
            let store = try Self.store(url, folder)
            try await store.journal(SampleCalls.live("one"))
            _ = try await store.sweep(at: SampleCalls.noon + 60)
            #expect(try await store.writeSpooled() == 1)
            #expect(try await store.find(CallID("one"))?.receipt?.reason == .nodeLost)
            try store.close()
        }
    }

    @Test func `a record that cannot be read or written stays in the spool, and the others are written`() async throws {
        let server = try TestPostgres.shared()
        let url = try server.makeSchema().url
        try await TemporaryFolder.run { folder in
            let path = folder + "/spool.sqlite"
            let spool = try RecordSpool(at: path)
            for id in ["poison", "unreadable", "good"] { #expect(spool.add(SampleCalls.ended(id))) }
            spool.close()
            try await DatabaseQueue(path: path).write { db in
                try db.execute(sql: "UPDATE records SET record = '{' WHERE id = 'unreadable'")
            }
            let news = Mutex<[String]>([])
            let store = try SQLCallStore(
                postgres: url,
                identifiers: TestIdentifiers(),
                spool: RecordSpool(at: path),
                news: { told in
                    if case .unreadable("spooled record", let id, _) = told { news.withLock { $0.append(id) } }
                }
            )
            try server.run("ALTER TABLE calls ADD CHECK (id <> 'poison')", in: url)
            #expect(try await store.writeSpooled() == 1)
            #expect(try await store.find(CallID("good"))?.receipt?.reason == .endedByAPI)
            #expect(news.withLock { $0 } == ["poison", "unreadable"])
            try store.close()
            #expect(try RecordSpool(at: path).records().map(\.id) == ["poison", "unreadable"])
        }
    }

    @Test func `a record that the database refuses keeps no later one from being written`() async throws {
        let server = try TestPostgres.shared()
        let url = try server.makeSchema().url
        let store = try SQLCallStore(postgres: url, identifiers: TestIdentifiers())
        try server.run("ALTER TABLE calls ADD CHECK (id NOT IN ('poison', 'late'))", in: url)
        for id in ["poison", "late"] {
            await #expect(throws: StoreError.self) { try await store.save(SampleCalls.ended(id)) }
        }
        try server.run("ALTER TABLE calls DROP CONSTRAINT calls_id_check", in: url)
        try server.run("ALTER TABLE calls ADD CHECK (id <> 'poison')", in: url)
        await #expect(throws: StoreError.self) { try await store.writePending() }
        #expect(try await store.find(CallID("late")) != nil && store.unsavedCalls == 1)
        try store.close()
    }

    @Test func `a full spool takes no more, and says so`() async throws {
        try await TemporaryFolder.run { folder in
            let spool = try RecordSpool(at: folder + "/new/spool.sqlite", most: 1)
            #expect(spool.add(SampleCalls.ended("one")))
            #expect(!spool.add(SampleCalls.ended("two")))
            spool.remove(CallID("one"))
            #expect(spool.add(SampleCalls.ended("two")))
            #expect(spool.records().map(\.id) == ["two"])
            spool.close()
        }
    }
}
