import Foundation
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

    @Test func `a full spool takes no more, and says so`() async throws {
        try await TemporaryFolder.run { folder in
            let spool = try RecordSpool(at: folder + "/new/spool.sqlite", most: 1)
            #expect(spool.add(SampleCalls.ended("one")))
            #expect(!spool.add(SampleCalls.ended("two")))
            spool.remove(CallID("one"))
            #expect(spool.add(SampleCalls.ended("two")))
            #expect(spool.calls().map(\.id) == [CallID("two")])
            spool.close()
        }
    }
}
