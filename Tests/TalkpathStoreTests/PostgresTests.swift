import Foundation
import Synchronization
import TalkpathCore
import TalkpathPostgres
import TestDatabases
import TalkpathWire
import Testing

@testable import TalkpathStore

/// What can go wrong with a server over there, and does not with a file over here.
@Suite(.enabled(if: TestPostgres.isInstalled)) struct PostgresTests {
    private static func store(
        _ url: String,
        outbox: any OutboxSource = NoOutbox(),
        ownsDatabase: Bool = false
    ) throws(StoreError) -> SQLCallStore {
        try SQLCallStore(
            postgres: url,
            outbox: outbox,
            identifiers: TestIdentifiers(),
            ownsDatabase: ownsDatabase
        )
    }

    /// What a server that cannot start on this address says.
    private static func complaint(_ url: String, ownsDatabase: Bool = false) -> StoreError? {
        do throws(StoreError) {
            _ = try store(url, ownsDatabase: ownsDatabase)
            return nil
        } catch {
            return error
        }
    }

    // MARK: The start

    @Test func `a wrong address password or user is one line without the password`() throws {
        let server = try TestPostgres.shared()
        let urls = [
            server.url(overLoopbackAs: "postgres", password: "hunter2hunter2"),
            server.url(overLoopbackAs: "nobody", password: "hunter2hunter2"),
            "postgres://postgres:hunter2hunter2@127.0.0.1:1/postgres",
            "postgres://postgres:hunter2hunter2@/none?host=/no/such/folder",
            "postgres://postgres:hunter2@hunter2@127.0.0.1/postgres",
            "postgres://postgres:hunter2/hunter2@127.0.0.1/postgres",
            "postgres://postgres:hunter2%hunter2@127.0.0.1/postgres",
            "mysql://postgres:hunter2@127.0.0.1/postgres",
            server.url(database: "nowhere"),
        ]
        for url in urls {
            let complaint = try #require(Self.complaint(url), "\(url)")
            #expect(complaint.code == .cannotOpen)
            #expect(!complaint.message.contains("hunter2") && !complaint.message.contains("\n"), "\(complaint)")
        }
        #expect(Self.complaint(server.url(overLoopbackAs: "postgres", password: TestPostgres.quotedPassword)) == nil)
    }

    @Test func `a schema of a newer version is refused and left as it is`() throws {
        let server = try TestPostgres.shared()
        let url = try server.makeSchema().url
        try Self.store(url).close()
        try server.run("INSERT INTO talkpath_schema (version) VALUES (99)", in: url)
        let complaint = try #require(Self.complaint(url))
        #expect(complaint.code == .newerVersion && complaint.message.contains("99"), "\(complaint)")
    }

    @Test func `tables of another program are refused and left as they are`() throws {
        let server = try TestPostgres.shared()
        let url = try server.makeSchema().url
        try server.run("CREATE TABLE events (mine TEXT)", in: url)
        let complaint = try #require(Self.complaint(url))
        #expect(complaint.code == .cannotOpen && complaint.message.contains("events"), "\(complaint)")
        try server.run("INSERT INTO events (mine) VALUES ('still')", in: url)
        #expect(throws: PostgresError.self) { try server.run("SELECT 1 FROM talkpath_schema", in: url) }
    }

    @Test func `missing rights are named`() throws {
        let server = try TestPostgres.shared()
        let (schema, url) = try server.makeSchema()
        try server.run("CREATE ROLE \(schema) LOGIN; GRANT USAGE ON SCHEMA \(schema) TO \(schema)")
        let theirs = server.url(user: schema, schema: schema)
        let mayNotCreate = try #require(Self.complaint(theirs))
        #expect(mayNotCreate.message.contains("right to create tables"), "\(mayNotCreate)")
        try Self.store(url).close()
        try server.run("GRANT SELECT ON ALL TABLES IN SCHEMA \(schema) TO \(schema)")
        let mayNotWrite = try #require(Self.complaint(theirs))
        #expect(mayNotWrite.message.contains("may not read and write the table calls"), "\(mayNotWrite)")
        try server.run("GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \(schema) TO \(schema)")
        #expect(Self.complaint(theirs) == nil)
    }

    @Test func `servers that start together make the tables once`() async throws {
        let url = try TestPostgres.shared().makeSchema().url
        try await withThrowingTaskGroup { group in
            for number in 0..<4 {
                group.addTask {
                    let store = try Self.store(url)
                    try await store.save(SampleCalls.ended("call-\(number)"))
                }
            }
            try await group.waitForAll()
        }
        #expect(try await Self.store(url).count(matching: CallQuery()) == 4)
    }

    @Test func `a second server on the database is refused until the first has gone`() throws {
        let url = try TestPostgres.shared().makeSchema().url
        let first = try Self.store(url, ownsDatabase: true)
        #expect(Self.complaint(url, ownsDatabase: true)?.code == .inUse)
        try first.close()
        #expect(Self.complaint(url, ownsDatabase: true) == nil)
    }

    // MARK: The connection

    @Test func `a lost connection is opened again and nothing is written twice`() async throws {
        let server = try TestPostgres.shared()
        let (schema, url) = try server.makeSchema()
        let outbox = TestOutbox()
        let store = try Self.store(url, outbox: outbox)
        for number in 0..<5 {
            try await store.journal(SampleCalls.live("\(number)"))
            outbox.tell("call.ringing", "\(number)")
            try server.cutConnections(to: schema)
            try await store.save(SampleCalls.ended("\(number)"))
            #expect(try await store.types(of: "\(number)") == ["call.ringing", "call.ended"])
        }
        #expect(store.failure == nil)
    }

    /// The worst moment: the COMMIT is on its way, and there is no answer.
    @Test(arguments: [true, false])
    func `a commit without an answer is looked up and not repeated blindly`(arrives: Bool) async throws {
        let server = try TestPostgres.shared()
        let schema = try server.makeSchema().name
        let proxy = try CuttingProxy(to: server.port)
        let through = server.url(
            overLoopbackAs: "postgres",
            password: TestPostgres.quotedPassword,
            port: proxy.port,
            schema: schema
        )
        let outbox = TestOutbox()
        let store = try Self.store(through, outbox: outbox)
        try await store.journal(SampleCalls.live("one"))
        outbox.tell("call.ringing", "one")
        proxy.cutNextCommit(afterItArrived: arrives)
        try await store.save(SampleCalls.ended("one"))
        #expect(proxy.cuts == 1, "or this test could not fail")
        #expect(try await store.types(of: "one") == ["call.ringing", "call.ended"])
        #expect(store.unsavedCalls == 0 && outbox.pending.isEmpty)
        try store.close()
        proxy.close()
    }

    @Test func `an answer that does not come in time is a fault of the store`() async throws {
        let server = try TestPostgres.shared()
        let client = PostgresClient(try PostgresAddress(server.url()), patience: .milliseconds(300))
        let result = await withCheckedContinuation { continuation in
            client.write {
                try $0.run("SELECT pg_sleep(20)")
            } onEnd: {
                continuation.resume(returning: $0)
            }
        }
        #expect { try result.get() } throws: { error in
            let error = error as? PostgresError
            return error?.kind == .timedOut || error?.kind == .refused("57014")
        }
        let next = await withCheckedContinuation { continuation in
            client.write {
                try $0.run("SELECT 1")
            } onEnd: {
                continuation.resume(returning: $0)
            }
        }
        #expect(throws: Never.self) { try next.get() }
        client.close()
    }

    /// As of a node that was paused, or cut off, between two statements.
    @Test func `a transaction that stands still holds up no other one and is repeated`() async throws {
        let server = try TestPostgres.shared()
        let url = try server.makeSchema().url
        try server.run("CREATE TABLE counts (number INTEGER); INSERT INTO counts VALUES (0)", in: url)
        let (paused, other) = (try server.client(url), try server.client(url))
        let (isOpen, isDone) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let runs = Mutex(0)
        async let first = withCheckedContinuation { continuation in
            paused.write {
                try $0.run("UPDATE counts SET number = number + 1")
                let isFirst = runs.withLock { runs in
                    runs += 1
                    return runs == 1
                }
                guard isFirst else { return }
                isOpen.signal()
                isDone.wait()
            } onEnd: {
                continuation.resume(returning: $0)
            }
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                isOpen.wait()
                continuation.resume()
            }
        }
        // The client's own patience is ten seconds.
        let second = await withCheckedContinuation { continuation in
            other.write {
                try $0.run("UPDATE counts SET number = number + 10")
            } onEnd: {
                continuation.resume(returning: $0)
            }
        }
        isDone.signal()
        #expect(throws: Never.self) { try second.get() }
        let result = await first
        #expect(throws: Never.self) { try result.get() }
        let number = try other.setUp { try $0.value("SELECT number::text FROM counts") }
        // A machine that stands still for two seconds of its own makes another run.
        #expect(number == .text("11") && runs.withLock { $0 } >= 2)
        paused.close()
        other.close()
    }

    @Test func `a server that is gone fails at once and is used again when it is back`() async throws {
        let server = try TestPostgres.shared()
        let schema = try server.makeSchema().name
        let proxy = try CuttingProxy(to: server.port)
        let store = try Self.store(
            server.url(
                overLoopbackAs: "postgres",
                password: TestPostgres.quotedPassword,
                port: proxy.port,
                schema: schema
            )
        )
        try await store.save(SampleCalls.ended("before"))
        proxy.refuseAll(true)
        await #expect { try await store.save(SampleCalls.ended("meanwhile")) } throws: {
            ($0 as? StoreError)?.code == .unavailable
        }
        // All readers at once, so that each has failed when the server comes back.
        await withTaskGroup { group in
            for _ in 1...8 {
                group.addTask {
                    await #expect { try await store.find(CallID("before")) } throws: {
                        ($0 as? StoreError)?.code == .unavailable
                    }
                }
            }
        }
        #expect(store.failure?.code == .unavailable && store.unsavedCalls == 1)
        proxy.refuseAll(false)
        let deadline = ContinuousClock.now + .seconds(60)
        while store.unsavedCalls > 0, .now < deadline { try? await store.writePending() }
        // The connection that writes has reached the server, so that no reader's waits any longer.
        for _ in 1...8 { #expect(try await store.find(CallID("meanwhile"))?.endedAt != nil) }
        #expect(store.failure == nil)
        try store.close()
        proxy.close()
    }

    // MARK: Statements

    @Test func `what stands in values is never read`() async throws {
        let store = try await TestEngine.postgres.store()
        let words = "'; DROP TABLE calls; -- $1 ? \u{0} \\ \u{1F600}"
        _ = try await store.putAgent(tenant: words, id: words, profile: ["x": .string(words)], at: SampleCalls.noon)
        let kept = try await store.agent(tenant: words, id: words)
        #expect(kept?.profile == ["x": .string(words)], "JSON writes every character")
        #expect(kept?.tenant == words.replacing("\u{0}", with: "\u{FFFD}"))
    }

    // MARK: Several on one database

    /// Stores of as many servers, and how often each delivery was made.
    @Test func `of servers that share a database one makes each delivery and one of a call at a time`() async throws {
        let url = try TestPostgres.shared().makeSchema().url
        let outbox = TestOutbox()
        let first = try Self.store(url, outbox: outbox)
        try await first.putEndpoint(
            Endpoint(id: "e", tenant: nil, kind: .webhook, url: "", secret: "", createdAt: SampleCalls.noon)
        )
        for number in 0..<60 {
            try await first.journal(SampleCalls.live("\(number)"))
            for type in ["call.started", "call.ringing", "call.answered"] { outbox.tell(type, "\(number)") }
        }
        try await first.writePending()
        let race = DeliveryRace()
        try await withThrowingTaskGroup { group in
            for store in [first, try Self.store(url), try Self.store(url)] {
                group.addTask {
                    while try await store.countDeliveries().pending > 0 {
                        for delivery in try await store.dueDeliveries(to: "e", at: SampleCalls.noon + 60, limit: 8) {
                            let call = delivery.event.callID
                            let isAlone = race.underWay.withLock { $0.insert(call).inserted }
                            #expect(isAlone, "two of one call at a time")
                            race.made.withLock { $0.append((call, delivery.event.type)) }
                            await Task.yield()
                            race.underWay.withLock { _ = $0.remove(call) }
                            try await store.finishDelivery(delivery.id)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let all = race.made.withLock { $0 }
        #expect(all.count == 180)
        for number in 0..<60 {
            let types = all.filter { $0.call.text == "\(number)" }.map(\.type)
            #expect(types == ["call.started", "call.ringing", "call.answered"], "call \(number)")
        }
    }

    @Test func `of servers that share a database one hangs each call up`() async throws {
        let url = try TestPostgres.shared().makeSchema().url
        let stores = try (0..<3).map { _ in try Self.store(url) }
        for number in 0..<40 {
            try await stores[0].save(SampleCalls.ended("\(number)", carrierCallID: "CA\(number)", confirmed: false))
        }
        let later = SampleCalls.noon + 24 * 3600
        let jobs = try await withThrowingTaskGroup(of: [HangUpJob].self) { group in
            for store in stores + stores {
                group.addTask { try await store.dueHangUps(at: later, limit: 10) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(jobs.count == 40 && Set(jobs.map(\.callID)).count == 40)
        try await stores[1].postponeHangUp(jobs[0].callID, until: later)
        #expect(try await stores[2].dueHangUps(at: later).map(\.callID) == [jobs[0].callID], "free again")
    }

    @Test func `of servers that share a database one forgets each call`() async throws {
        let url = try TestPostgres.shared().makeSchema().url
        let stores = try (0..<2).map { _ in try Self.store(url) }
        for number in 0..<60 { try await stores[0].save(SampleCalls.ended("\(number)")) }
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<12 {
                group.addTask {
                    try await stores[number % 2].forgetCalls(endedBefore: SampleCalls.noon + 9000, limit: 10).count
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(count == 60)
        #expect(try await stores[1].count(matching: CallQuery()) == 0)
    }

    @Test func `of servers that come with one key exactly one has it`() async throws {
        let url = try TestPostgres.shared().makeSchema().url
        let stores = try [Self.store(url), Self.store(url)]
        let firsts = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                let store = stores[number % 2]
                group.addTask {
                    let claim = try await store.claimIdempotencyKey(
                        "key-\(number / 4)",
                        tenant: "a",
                        digest: [1],
                        call: CallID("call-\(number)"),
                        at: SampleCalls.noon
                    )
                    return claim == .first
                }
            }
            var count = 0
            for try await isFirst in group where isFirst { count += 1 }
            return count
        }
        #expect(firsts == 50)
    }
}

/// What several servers did with the deliveries of one database.
private final class DeliveryRace: Sendable {
    let made = Mutex<[(call: CallID, type: String)]>([])
    let underWay = Mutex<Set<CallID>>([])
}
