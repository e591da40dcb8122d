import Foundation
import TalkpathNIO
import TalkpathStore
import TalkpathWire

@testable import TalkpathCore
@testable import TalkpathServer

/// A data folder that servers use one after the other; deleted with the test.
struct ServerFolder {
    let path: String

    static func run(_ body: (ServerFolder) async throws -> Void) async throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("talkpath-\(SecureRandom.token())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        try await body(ServerFolder(path: url.path))
    }

    /// Writes the data that a process that died may have left. Only without a running server.
    func withStore(_ body: (SQLCallStore) async throws -> Void) async throws {
        let store = try SQLCallStore(.file(path + "/talkpath.sqlite"), identifiers: SystemIdentifiers())
        try await body(store)
        try store.close()
    }

    /// A call that had begun when its process died.
    static func liveCall(_ id: String, tenant: String = "default") -> CallSnapshot {
        CallSnapshot(
            id: CallID(id),
            direction: .outbound,
            status: .initiating,
            from: "+14155550100",
            to: TestServer.number,
            carrierCallID: nil,
            agent: TestServer.configuration().agent,
            metadata: [:],
            variables: [:],
            publicURL: nil,
            tenant: tenant,
            startedAt: SystemClock().wallTime,
            duration: .zero,
            transcript: [],
            metrics: CallMetrics()
        )
    }
}
