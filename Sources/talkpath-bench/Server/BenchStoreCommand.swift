import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathStore
import TalkpathWire

/// `talkpath-bench store`: measures starts, lists and searches with a full store.
struct BenchStoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Fill a store with ended calls, and measure a server's start with it, lists and searches.",
        discussion: """
            In a folder of its own, which is deleted afterwards, or in a database that must be empty, and is full \
            afterwards. Each call has a transcript of twenty turns.
            """
    )

    @Option(help: "How many calls are stored.")
    var calls = 10_000

    @Option(help: "How often each question is asked.")
    var questions = 300

    @Option(help: ArgumentHelp("A database of PostgreSQL instead, without calls in it.", valueName: "url"))
    var database: String?

    @Flag(help: "Print JSON.")
    var json = false

    private struct Row: Codable {
        var what: String
        var milliseconds: Spread?
    }

    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("talkpath-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var rows = [Row(what: "save", milliseconds: Spread(try await fill(folder)))]
        rows.append(Row(what: "start a server with it", milliseconds: Spread(try await Self.start(folder, database))))
        for (name, query) in Self.queries {
            rows.append(Row(what: name, milliseconds: Spread(try await ask(folder, query))))
        }
        rows += try await overHTTP(folder)
        try report(rows)
    }

    private func fill(_ folder: String) async throws -> [Double] {
        guard let database else { return try await StoredCalls(count: calls).fill(folder) }
        let store = try SQLCallStore(postgres: database, identifiers: BenchIdentifiers())
        guard try await store.count(matching: CallQuery()) == 0 else {
            throw ValidationError("--database: there are calls in it")
        }
        return try await StoredCalls(count: calls).fill(store)
    }

    // MARK: Opening

    static func open(_ folder: String) async throws -> SQLCallStore {
        let path = try DataFolder(folder)
        defer { path.release() }
        return try SQLCallStore(.file(path.storePath), identifiers: BenchIdentifiers())
    }

    // MARK: Queries

    private static var queries: [(String, CallQuery)] {
        func query(_ set: (inout CallQuery) -> Void) -> CallQuery {
            var query = CallQuery()
            query.tenant = "default"
            set(&query)
            return query
        }
        return [
            ("list, newest 100", query { _ in }), ("list by status", query { $0.statuses = [.noAnswer] }),
            ("list by agent", query { $0.agentID = "agent-7" }), ("list by number", query { $0.to = "+14155561234" }),
            (
                "list from the middle on",
                query {
                    $0.cursor = CallCursor(
                        startedAt: .init(milliseconds: Int64(StoredCalls.first) + 35_000_000),
                        id: CallID("")
                    )
                }
            ),
            ("page 90 by number", query { $0.offset = 9000 }), ("search, found late", query { $0.search = "call-17" }),
            ("search, found nowhere", query { $0.search = "nowhere to be found" }),
        ]
    }

    private func ask(_ folder: String, _ query: CallQuery) async throws -> [Double] {
        let store: SQLCallStore
        if let database {
            store = try SQLCallStore(postgres: database, identifiers: BenchIdentifiers())
        } else {
            store = try await Self.open(folder)
        }
        var times: [Double] = []
        for _ in 0..<questions {
            times.append(try await Self.time { _ = try await store.calls(matching: query) })
        }
        try store.close()
        return times
    }

    // MARK: A server

    static func server(_ folder: String, _ database: String? = nil) async throws -> TalkpathServer {
        var environment = [
            "TALKPATH_HTTP_PORT": "0", "TALKPATH_LOG_LEVEL": "critical", "OPENAI_API_KEY": "key",
            "TALKPATH_DATA_FOLDER": folder,
        ]
        environment["TALKPATH_DATABASE_URL"] = database
        return try await TalkpathServer.start(try .read(environment: environment, isDevelopment: true))
    }

    /// Measures the durations of a few starts.
    static func start(_ folder: String, _ database: String? = nil) async throws -> [Double] {
        var times: [Double] = []
        for _ in 0..<5 {
            var started: TalkpathServer?
            times.append(try await time { started = try await server(folder, database) })
            await started?.shutDown()
        }
        return times
    }

    private func overHTTP(_ folder: String) async throws -> [Row] {
        let server = try await Self.server(folder, database)
        var rows: [Row] = []
        for path in [
            "/api/calls?state=ended&limit=100", "/api/calls?state=ended&status=no_answer", "/api/calls/call-17",
        ] {
            var times: [Double] = []
            for _ in 0..<questions {
                let request = HTTPClientRequest(url: "http://127.0.0.1:\(server.port)\(path)")
                times.append(
                    try await Self.time {
                        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
                        _ = try await answer.body.collect(upTo: 1 << 24)
                        guard answer.status == .ok else { throw ValidationError("\(path): status \(answer.status)") }
                    }
                )
            }
            rows.append(Row(what: "GET \(path)", milliseconds: Spread(times)))
        }
        await server.shutDown()
        return rows
    }

    static func time(_ work: () async throws -> Void) async throws -> Double {
        let began = ContinuousClock.now
        try await work()
        return began.duration(to: .now).milliseconds
    }

    // MARK: Report

    private func report(_ rows: [Row]) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            print(String(decoding: try encoder.encode(rows), as: UTF8.self))
            return
        }
        let title = "\(calls) stored calls, milliseconds".padding(toLength: 42, withPad: " ", startingAt: 0)
        print(title + "      p50      p95      p99      max")
        for row in rows {
            guard let spread = row.milliseconds else { continue }
            let cells = [spread.p50, spread.p95, spread.p99, spread.maximum].map { value in
                let text = value.formatted(2)
                return String(repeating: " ", count: max(0, 9 - text.count)) + text
            }
            print(row.what.padding(toLength: 42, withPad: " ", startingAt: 0) + cells.joined())
        }
    }
}

private struct BenchIdentifiers: IdentifierSource {
    func makeCallID() -> CallID { CallID(UUID().uuidString) }
    func makeToken() -> String { SecureRandom.token() }
}
