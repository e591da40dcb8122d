import AsyncHTTPClient
import Foundation
import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// The project's version in every place.
@Suite struct VersionTests {
    @Test func `health reports the running version`() async throws {
        try await TestServer.run { test async throws in
            #expect(try await test.send(.GET, "/health", key: nil)["version"]?.string == TalkpathVersion.current)
        }
    }

    @Test func `the OpenAPI document has the version`() {
        #expect(APIDocument.json["info"]?["version"]?.string == TalkpathVersion.current)
    }

    @Test func `requests name their sender unless their headers do`() {
        let plain = OutboundHTTP.request(.POST, "https://sink.example.test/")
        #expect(plain.headers["User-Agent"] == ["Talkpath/\(TalkpathVersion.current)"])
        let named = OutboundHTTP.request(.GET, "https://sink.example.test/", headers: [("user-agent", "Clinic")])
        #expect(named.headers["User-Agent"] == ["Clinic"])
    }

    @Test func `the changelog has a chapter for the version`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let changes = try String(contentsOf: root.appending(path: "CHANGELOG.md"), encoding: .utf8)
        #expect(changes.contains("\n## \(TalkpathVersion.current)"))
    }
}
