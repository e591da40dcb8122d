import Foundation
import TalkpathCore
import Testing

@testable import TalkpathServer

/// The samples in `deploy/`, as an operator copies them.
@Suite(.timeLimit(.minutes(5))) struct DeploySamplesTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../deploy").standardized

    /// The assignments of the sample settings, including those in comments.
    private static func assignments(withComments: Bool) throws -> [String: String] {
        var found: [String: String] = [:]
        let text = try String(contentsOf: folder.appending(path: "talkpath.env"), encoding: .utf8)
        for line in text.split(separator: "\n") {
            guard let match = line.wholeMatch(of: /(#?)([A-Z][A-Z0-9_]+)=(.*)/) else {
                #expect(line.hasPrefix("#"), "neither a comment nor an assignment: \(line)")
                continue
            }
            if match.1.isEmpty || withComments { found[String(match.2)] = String(match.3) }
        }
        return found
    }

    @Test func `the sample of settings has only settings that the server reads`() throws {
        let all = try Self.assignments(withComments: true)
        #expect(all.count > 15)
        for (name, value) in all {
            let setting = try #require(Setting(rawValue: name), "there is no setting \(name)")
            #expect(SettingsText.flaw(of: value, in: setting) == nil, "\(name)")
        }
    }

    @Test func `the sample of settings is valid once its secrets are filled in`() throws {
        let secrets = [
            "TALKPATH_API_KEYS": "a key of sixteen or more",
            "TWILIO_ACCOUNT_SID": "AC" + String(repeating: "0", count: 32),
            "TWILIO_AUTH_TOKEN": "token", "OPENAI_API_KEY": "key",
        ]
        let empty = try Self.assignments(withComments: false).filter(\.value.isEmpty).keys
        #expect(Set(empty) == Set(secrets.keys))
        let settings = try Self.assignments(withComments: false).merging(secrets) { $1 }
        let configuration = try ServerConfiguration.read(environment: settings)
        #expect(configuration.host == "127.0.0.1" && configuration.agent.firstMessage != nil)
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/sbin/nginx")))
    func `nginx accepts its sample`() throws {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "talkpath-nginx-\(UUID())")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let made = try Self.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=voice.example.com",
                "-keyout", scratch.appending(path: "privkey.pem").path,
                "-out", scratch.appending(path: "fullchain.pem").path,
            ]
        )
        try #require(made.status == 0, "\(made.text)")
        let sample = try String(contentsOf: Self.folder.appending(path: "nginx.conf"), encoding: .utf8)
        let site = scratch.appending(path: "talkpath.conf")
        try sample.replacing("/etc/letsencrypt/live/voice.example.com", with: scratch.path)
            .write(to: site, atomically: true, encoding: .utf8)
        let whole = scratch.appending(path: "nginx.conf")
        try """
        pid \(scratch.path)/pid;
        error_log \(scratch.path)/error.log;
        events {}
        http { include \(site.path); }
        """.write(to: whole, atomically: true, encoding: .utf8)
        let outcome = try Self.run("/usr/sbin/nginx", ["-t", "-q", "-c", whole.path])
        #expect(outcome.status == 0, "\(outcome.text)")
    }

    private static func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, text: String) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}
