import Foundation
import NIOCore
import NIOPosix
import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Obstacles to a start besides the settings: files, folders, and the port.
@Suite struct CheckedConfigurationTests {
    private static let folder = FileManager.default.temporaryDirectory.appending(path: "talkpath-check-\(UUID())")

    private func configuration() -> ServerConfiguration {
        var configuration = ServerConfiguration(agent: .openAI(key: "key", instructions: ""), isDevelopment: true)
        configuration.port = 0
        return configuration
    }

    @Test func `right settings have no obstacles`() async {
        var right = configuration()
        right.storage.folder = Self.folder.appending(path: "new/data").path
        #expect(await right.obstacles().isEmpty)
        #expect(!FileManager.default.fileExists(atPath: Self.folder.path), "a check leaves nothing behind")
    }

    @Test func `a port in use is an obstacle`() async throws {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        var taken = configuration()
        taken.port = try #require(channel.localAddress?.port)
        #expect(await taken.obstacles().map(\.setting) == ["TALKPATH_HTTP_PORT"])
        try await channel.close()
        #expect(await taken.obstacles().isEmpty)
    }

    @Test func `an address of another machine is an obstacle`() async {
        var elsewhere = configuration()
        elsewhere.isDevelopment = false
        elsewhere.host = "192.0.2.1"
        #expect(await elsewhere.obstacles().contains { $0.setting == "TALKPATH_HTTP_HOST" })
    }

    @Test(arguments: [
        ("[::1]", "::1", "[::1]"), ("::1", "::1", "[::1]"), ("[::]", "::", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0", "127.0.0.1"),
        ("*", ListeningHost.every, "127.0.0.1"), ("localhost", "localhost", "localhost"),
        ("[name]", "[name]", "[name]"),
        ("10.0.0.7", "10.0.0.7", "10.0.0.7"),
    ]) func `a host may be written as in a URL`(text: String, bound: String, reached: String) {
        var written = configuration()
        written.host = text
        #expect(written.host == bound)
        #expect(ListeningHost.reached(from: text) == reached)
    }

    @Test func `folders that cannot be created are obstacles`() async {
        var blocked = configuration()
        blocked.storage.folder = "/dev/null/data"
        blocked.recordings = .init(folder: "/dev/null", audioFormat: .ogg)
        let found = await blocked.obstacles()
        #expect(found.map(\.setting) == ["TALKPATH_DATA_FOLDER", "TALKPATH_RECORDINGS_DIR"], "\(found)")
    }

    @Test func `certificates that cannot be read are obstacles`() async throws {
        var tls = configuration()
        tls.tls = .init(certificate: "/nowhere/cert.pem", key: "/nowhere/key.pem")
        let missing = await tls.obstacles()
        #expect(missing.map(\.setting) == ["TALKPATH_TLS_CERTIFICATE", "TALKPATH_TLS_KEY"])
        #expect(missing.allSatisfy { $0.message.contains("No such file or directory") })
        let file = FileManager.default.temporaryDirectory.appending(path: "talkpath-check-\(UUID()).pem")
        try "no certificate".write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        tls.tls = .init(certificate: file.path, key: file.path)
        #expect(await tls.obstacles().map(\.setting) == ["TALKPATH_TLS_CERTIFICATE"])
    }

    @Test(arguments: [("cals", "calls"), ("serv", "serve"), ("reprot", "report"), ("zebra", nil), ("sevre", "serve")])
    func `a misspelt name suggests the nearest one`(given: String, meant: String?) {
        #expect(NearestName.of(given, among: ["calls", "call", "serve", "report", "replay"]) == meant)
    }
}
