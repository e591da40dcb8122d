import Foundation
import Testing

/// `talkpath serve`, as the process of a shell, a service manager or a container.
@Suite struct ServeCommandTests {
    /// The server on a free port, with its own folder.
    private static func serve(
        _ settings: [String: String] = [:],
        options: [String] = [],
        listening body: (_ line: String, Process, Pipe) throws -> Void
    ) throws -> (status: Int32, wasKilled: Bool, log: String) {
        let process = Process()
        let log = Pipe()
        process.executableURL = Executable.url
        process.arguments = ["serve", "--dev", "--port", "0"] + options
        process.environment = ["OPENAI_API_KEY": "any", "TALKPATH_DATA_FOLDER": ":memory:"].merging(settings) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = log
        try process.run()
        // The process ends with the test, even if an expectation fails.
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        var text = try read(log, until: "Listening")
        try body(text, process, log)
        // The pipe ends with the process.
        text += String(decoding: try log.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, process.terminationReason == .uncaughtSignal, text)
    }

    /// Reads up to these words, or to the end of the process.
    private static func read(_ log: Pipe, until words: String) throws -> String {
        var text = ""
        while !text.contains(words), let more = try log.fileHandleForReading.read(upToCount: 1), !more.isEmpty {
            text += String(decoding: more, as: UTF8.self)
        }
        return text
    }

    @Test(.timeLimit(.minutes(5)), arguments: [SIGTERM, SIGINT])
    func `one signal stops an idle server and the log says so`(signal: Int32) throws {
        let outcome = try Self.serve { _, process, _ in kill(process.processIdentifier, signal) }
        #expect(outcome.status == 0 && !outcome.wasKilled)
        #expect(!outcome.log.contains("ERROR") && outcome.log.hasSuffix("Stopped\n"), "\(outcome.log)")
    }

    @Test(.timeLimit(.minutes(5))) func `a second signal ends the server without waiting`() throws {
        let outcome = try Self.serve { _, process, _ in
            kill(process.processIdentifier, SIGTERM)
            kill(process.processIdentifier, SIGTERM)
        }
        #expect(outcome.status == 0 || outcome.status == 128 + SIGTERM)
    }

    @Test(.timeLimit(.minutes(5))) func `a check names every mistake and does not start`() throws {
        let outcome = try Self.serve(["OPENAI_API_KEY": "", "TALKPATH_MAX_CALLS": "many"], options: ["--check"]) {
            _,
            _,
            _ in
        }
        #expect(outcome.status == 78)
        #expect(outcome.log.contains("TALKPATH_MAX_CALLS: ") && outcome.log.contains("OPENAI_API_KEY: is missing"))
        #expect(!outcome.log.contains("Listening"))
        let right = try Self.serve(options: ["--check"]) { _, _, _ in }
        #expect(right.status == 0 && right.log.isEmpty, "\(right.log)")
    }

    @Test(.timeLimit(.minutes(5))) func `wrong settings are named and the server does not start`() throws {
        let outcome = try Self.serve(["OPENAI_API_KEY": "", "TALKPATH_MAX_CALLS": "many"]) { _, _, _ in }
        #expect(outcome.status == 78)
        #expect(outcome.log.contains("TALKPATH_MAX_CALLS"))
        #expect(!outcome.log.contains("Listening"))
    }

    @Test(.timeLimit(.minutes(5)))
    func `a database that cannot be used is reported in one line without the password`() throws {
        let outcome = try Self.serve(["TALKPATH_DATABASE_URL": "postgres://x:hunter2@127.0.0.1:1/x"]) { _, _, _ in }
        #expect(outcome.status == 78)
        let lines = outcome.log.split(separator: "\n").filter { $0.hasPrefix("talkpath: ") }
        #expect(lines.count == 1 && lines.first?.contains("TALKPATH_DATABASE_URL") == true, "\(outcome.log)")
        #expect(!outcome.log.contains("hunter2") && !outcome.log.contains("Listening"))
    }

    // MARK: The certificate

    private static func openssl(_ arguments: [String]) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return text
    }

    private static func makeCertificate(_ name: String, _ folder: URL) throws {
        _ = try openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=\(name)", "-keyout", folder.appending(path: "key.pem").path, "-out",
            folder.appending(path: "certificate.pem").path,
        ])
    }

    /// The name in the certificate that a new connection gets.
    private static func nameOnTheWire(_ port: Substring) throws -> Substring? {
        let words = try openssl(["s_client", "-connect", "127.0.0.1:\(port)"])
        return words.firstMatch(of: /subject=CN ?= ?([a-z.]+)/)?.output.1
    }

    @Test(.timeLimit(.minutes(5)))
    func `a hang-up signal reads the certificate again and a broken one changes nothing`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "talkpath-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificate = folder.appending(path: "certificate.pem")
        try Self.makeCertificate("first.test", folder)
        let settings = [
            "TALKPATH_TLS_CERTIFICATE": certificate.path, "TALKPATH_TLS_KEY": folder.appending(path: "key.pem").path,
            "TALKPATH_LOG_LEVEL": "info",
        ]
        let outcome = try Self.serve(settings) { line, process, log in
            let port = try #require(line.firstMatch(of: /port=([0-9]+)/)?.output.1)
            #expect(try Self.nameOnTheWire(port) == "first.test")
            // The files are unchanged, so only the signal can be the reason to read them.
            kill(process.processIdentifier, SIGHUP)
            _ = try Self.read(log, until: "was read again")
            try Self.makeCertificate("second.test", folder)
            kill(process.processIdentifier, SIGHUP)
            _ = try Self.read(log, until: "was read again")
            #expect(try Self.nameOnTheWire(port) == "second.test")
            try Data("half a file".utf8).write(to: certificate)
            kill(process.processIdentifier, SIGHUP)
            _ = try Self.read(log, until: "the one before stays in use")
            #expect(try Self.nameOnTheWire(port) == "second.test")
            kill(process.processIdentifier, SIGTERM)
        }
        #expect(outcome.status == 0 && !outcome.wasKilled)
    }

    @Test(.timeLimit(.minutes(5)))
    func `a hang-up signal without a certificate does not end the calls`() throws {
        let outcome = try Self.serve { _, process, _ in
            kill(process.processIdentifier, SIGHUP)
            // The server handles the second signal after the first one.
            kill(process.processIdentifier, SIGTERM)
        }
        #expect(outcome.status == 0 && !outcome.wasKilled)
    }

    // MARK: Its threads

    #if os(Linux)
    /// True if one thread has ten priority levels more than all others.
    private static func isOneBeforeAll(_ levels: [Int: Int]) -> Bool {
        guard let first = levels.keys.min(), let last = levels.keys.max() else { return false }
        return levels.count == 2 && last - first == 10 && levels[first] == 1
    }

    @Test(.timeLimit(.minutes(5))) func `one thread has priority over all others`() throws {
        var levels: [Int: Int] = [:]
        _ = try Self.serve { _, process, _ in
            // The server logs that it listens while it still lowers the other threads.
            let folder = "/proc/\(process.processIdentifier)/task"
            repeat {
                levels = [:]
                for thread in try FileManager.default.contentsOfDirectory(atPath: folder) {
                    let file = "\(folder)/\(thread)/stat"
                    // The thread may have ended meanwhile.
                    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { continue }
                    // The text after the name in parentheses begins with the third field; niceness is the 19th.
                    let fields = text[text.index(after: text.lastIndex(of: ")")!)...].split(separator: " ")
                    levels[Int(fields[16])!, default: 0] += 1
                }
                // A new thread is lowered one second later; the time limit bounds the wait.
            } while !Self.isOneBeforeAll(levels)
            kill(process.processIdentifier, SIGTERM)
        }
        #expect(Self.isOneBeforeAll(levels))
    }
    #endif
}
