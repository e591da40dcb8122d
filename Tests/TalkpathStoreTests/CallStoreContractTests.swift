import TalkpathCore
import TalkpathStore
import TalkpathTesting
import TestDatabases
import Testing

/// Our own stores keep the contract that an embedder's store is checked by; see ``CallStore``.
@Suite struct CallStoreContractTests {
    @Test(arguments: TestStore.allCases, CallStoreContract.Rule.allCases)
    func `each store keeps each rule`(_ kind: TestStore, _ rule: CallStoreContract.Rule) async throws {
        try await TemporaryFolder.run { folder in
            let report = await CallStoreContract.check(
                OwnStoreStage(kind: kind, folder: folder),
                rules: [rule],
                patience: .seconds(60)
            )
            #expect(report.isKept, "\(report)")
            #expect(report.unchecked.isEmpty || kind.isForgetful)
        }
    }

    @Test func `a cursor is read as it was written and nothing else is`() {
        let cursor = CallCursor(startedAt: SampleCalls.noon, id: CallID("a_b"))
        #expect(CallCursor(text: cursor.text) == cursor)
        for text in ["", "_", "x_y", "12", "12_"] { #expect(CallCursor(text: text) == nil) }
    }
}

extension TestStore {
    /// It does not outlive its process.
    fileprivate var isForgetful: Bool { self == .inMemory || self == .sqliteInMemory }
}

/// A new store of one kind.
private struct OwnStoreStage: CallStoreStage {
    let kind: TestStore
    let folder: String
    private let schemas = SchemaAddresses()

    init(kind: TestStore, folder: String) {
        self.kind = kind
        self.folder = folder
    }

    func emptyStore() async throws -> any CallStore {
        switch kind {
        case .inMemory: InMemoryCallStore()
        case .sqliteInMemory: try await TestEngine.sqlite.store()
        case .sqliteFile: try openFile()
        case .postgres: try await openSchema()
        }
    }

    func reopened(_ store: any CallStore) async throws -> (any CallStore)? {
        switch kind {
        case .inMemory, .sqliteInMemory: return nil
        case .sqliteFile, .postgres:
            await discard(store)
            return kind == .sqliteFile ? try openFile() : try await openSchema()
        }
    }

    func discard(_ store: any CallStore) async {
        // A store that was reopened is closed already.
        try? (store as? SQLCallStore)?.close()
    }

    private func openFile() throws -> SQLCallStore {
        try SQLCallStore(.file(folder + "/store"), identifiers: TestIdentifiers())
    }

    private func openSchema() async throws -> SQLCallStore {
        try SQLCallStore(postgres: await schemas.address(), identifiers: TestIdentifiers())
    }
}

/// The schema of one test.
private actor SchemaAddresses {
    private var url: String?

    func address() throws -> String {
        if let url { return url }
        let new = try TestPostgres.shared().makeSchema().url
        url = new
        return new
    }
}
