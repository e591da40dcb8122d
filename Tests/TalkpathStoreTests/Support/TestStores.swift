import Foundation
import Testing
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// The stores there are. Each must keep the port's contract.
enum TestStore: CaseIterable, CustomTestStringConvertible {
    case inMemory, sqliteInMemory, sqliteFile

    var testDescription: String { "\(self)" }

    func run(_ body: (any CallStore) async throws -> Void) async throws {
        switch self {
        case .inMemory: try await body(InMemoryCallStore())
        case .sqliteInMemory: try await body(SQLiteCallStore.inMemory())
        case .sqliteFile:
            try await TemporaryFolder.run { folder in
                let store = try SQLiteCallStore(.file(folder + "/store"), identifiers: TestIdentifiers())
                try await body(store)
                try store.close()
            }
        }
    }
}

extension SQLiteCallStore {
    static func inMemory(
        outbox: any OutboxSource = NoOutbox(),
        keepsTranscripts: Bool = true
    ) throws -> SQLiteCallStore {
        try SQLiteCallStore(
            .memory,
            outbox: outbox,
            keepsTranscripts: keepsTranscripts,
            identifiers: TestIdentifiers()
        )
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
