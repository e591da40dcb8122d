import Foundation
import Testing
import TalkpathCore
import TalkpathStore
import TalkpathWire
import TestDatabases

/// The engines there are. What one does, all do.
enum TestEngine: CaseIterable, CustomTestStringConvertible {
    case sqlite, postgres

    static var allCases: [TestEngine] { TestPostgres.isInstalled ? [.sqlite, .postgres] : [.sqlite] }

    var testDescription: String { "\(self)" }

    /// A new and empty store: in memory, or in a schema of its own.
    func store(
        outbox: any OutboxSource = NoOutbox(),
        keepsTranscripts: Bool = true,
        patience: Duration = .seconds(10),
        news: @escaping @Sendable (StoreNews) -> Void = { _ in }
    ) async throws -> SQLCallStore {
        switch self {
        case .sqlite:
            try SQLCallStore(
                .memory,
                outbox: outbox,
                keepsTranscripts: keepsTranscripts,
                identifiers: TestIdentifiers(),
                patience: patience,
                news: news
            )
        case .postgres:
            try SQLCallStore(
                postgres: TestPostgres.shared().makeSchema().url,
                outbox: outbox,
                keepsTranscripts: keepsTranscripts,
                identifiers: TestIdentifiers(),
                patience: patience,
                news: news
            )
        }
    }
}

/// The stores there are. Each must keep the port's contract.
enum TestStore: CaseIterable, CustomTestStringConvertible {
    case inMemory, sqliteInMemory, sqliteFile, postgres

    static var allCases: [TestStore] {
        [.inMemory, .sqliteInMemory, .sqliteFile] + (TestPostgres.isInstalled ? [.postgres] : [])
    }

    var testDescription: String { "\(self)" }

    func run(_ body: (any CallStore) async throws -> Void) async throws {
        switch self {
        case .inMemory: try await body(InMemoryCallStore())
        case .sqliteInMemory: try await body(TestEngine.sqlite.store())
        case .postgres: try await body(TestEngine.postgres.store())
        case .sqliteFile:
            try await TemporaryFolder.run { folder in
                let store = try SQLCallStore(.file(folder + "/store"), identifiers: TestIdentifiers())
                try await body(store)
                try store.close()
            }
        }
    }
}

struct TestIdentifiers: IdentifierSource {
    func makeCallID() -> CallID { CallID(SecureRandom.token()) }
    func makeToken() -> String { SecureRandom.token() }
}

enum TemporaryFolder {
    static func run(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("talkpath-\(SecureRandom.token())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        do {
            try await body(folder)
        } catch {
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
