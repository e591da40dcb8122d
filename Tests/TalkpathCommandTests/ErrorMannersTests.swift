import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// Mistakes of users, and the one form of the error messages.
@Suite(.timeLimit(.minutes(5))) struct ErrorMannersTests {
    /// Internals of the program that no message may contain.
    private static let insides = [
        "NSCocoaErrorDomain", "bind(descriptor", "errno:", "UserInfo", "HTTPClientError", "NIOConnectionError",
        "SocketAddressError", "Error(",
    ]

    private static func failure(
        _ arguments: [String],
        _ environment: [String: String] = [:]
    ) throws -> (text: String, status: Int32) {
        let outcome = try Executable.run(arguments, environment: environment)
        #expect(outcome.errors.hasPrefix("talkpath: "), "\(arguments): \(outcome.errors)")
        for word in insides { #expect(!outcome.errors.contains(word), "\(arguments): \(outcome.errors)") }
        return (outcome.errors, outcome.status)
    }

    @Test func `an unknown command suggests the nearest one`() throws {
        let top = try Self.failure(["cals"])
        #expect(top.text.contains("there is no command 'talkpath cals'; did you mean 'talkpath calls'?"))
        #expect(top.status == 64)
        #expect(try Self.failure(["simulate", "twillio"]).text.contains("did you mean 'talkpath simulate twilio'?"))
        #expect(try !Self.failure(["zzzzzz"]).text.contains("did you mean"))
    }

    @Test func `an unknown option suggests the nearest one`() throws {
        let (text, status) = try Self.failure(["serve", "--prot", "1"])
        #expect(text.contains("Did you mean '--port'?") && status == 64)
    }

    @Test(arguments: ["99999", "-1", "http"]) func `an invalid port is refused`(port: String) throws {
        for command in [["serve", "--dev"], ["simulate", "openai"], ["simulate", "twilio"]] {
            let (text, status) = try Self.failure(command + ["--port=\(port)"])
            #expect(text.contains("a port is a number from 0 to 65535") && status == 64)
        }
    }

    @Test func `a missing file is reported in the system's words`() throws {
        for command in [
            ["agents", "put", "/nowhere/agent.json"], ["replay", "/nowhere/call.tpcap"],
            ["report", "/nowhere/call.tpcap", "--html", "/nowhere/call.html"],
            ["serve", "--config", "/nowhere/agent.json"],
        ] {
            let (text, status) = try Self.failure(command)
            #expect(text.contains("/nowhere/") && text.contains("No such file or directory"), "\(text)")
            #expect(status != 0)
        }
    }

    @Test func `a port in use is named`() throws {
        let (listener, port) = try Self.listen()
        defer { close(listener) }
        let (text, status) = try Self.failure(["simulate", "openai", "--port", "\(port)"])
        #expect(text.contains("Address already in use") && status == 1)
    }

    @Test func `a server that is down refuses the connection`() throws {
        let (listener, port) = try Self.listen()
        close(listener)
        let (text, status) = try Self.failure(["calls", "--url", "http://127.0.0.1:\(port)"])
        #expect(text.contains("the connection was refused; is the server running there?") && status == 1)
    }

    @Test func `an unknown host is named`() throws {
        let text = try Self.failure(["calls", "--url", "http://nowhere.invalid"]).text
        #expect(text.contains("the host name 'nowhere.invalid' is not known"), "\(text)")
    }

    @Test func `an unknown host to listen on is named`() throws {
        let settings = [
            "TALKPATH_HTTP_HOST": "nowhere.invalid", "TALKPATH_API_KEYS": String(repeating: "k", count: 32),
            "TALKPATH_PUBLIC_URL": "https://voice.example.com", "OPENAI_API_KEY": "any",
            "TALKPATH_DATA_FOLDER": ":memory:", "TWILIO_ACCOUNT_SID": "AC" + String(repeating: "0", count: 32),
            "TWILIO_AUTH_TOKEN": String(repeating: "0", count: 32), "TWILIO_FROM_NUMBER": "+15550001111",
        ]
        let text = try Executable.run(["serve"], environment: settings).errors
        #expect(text.hasSuffix("cannot listen on nowhere.invalid:8080: the host name 'nowhere.invalid' is not known\n"))
    }

    @Test func `a command asks the server where its settings say that it listens`() throws {
        let (listener, port) = try Self.listen()
        close(listener)
        let settings = ["TALKPATH_HTTP_HOST": "127.0.0.2", "TALKPATH_HTTP_PORT": "\(port)"]
        let text = try Self.failure(["health"], settings).text
        #expect(
            text.contains("http://127.0.0.2:\(port): ") && text.contains("(TALKPATH_HTTP_HOST, TALKPATH_HTTP_PORT)")
        )
    }

    @Test(arguments: ["key\n", "two words", "kéy"]) func `a key that no header can hold is named`(key: String) throws {
        let text = try Self.failure(["calls", "--url", "http://127.0.0.1:1"], ["TALKPATH_API_KEY": key]).text
        #expect(
            text.hasPrefix("talkpath: TALKPATH_API_KEY holds a blank, a line's end or another character"),
            "\(text)"
        )
        #expect(!text.contains(key), "a key stands in no message")
    }

    @Test func `a server with another protocol gets its own message`() throws {
        let (listener, port) = try Self.listen()
        defer { close(listener) }
        DispatchQueue.global().async {
            // Answers one connection in its own protocol, as a TLS port answers a plain request.
            let connection = accept(listener, nil, nil)
            var request = [UInt8](repeating: 0, count: 4096)
            _ = read(connection, &request, request.count)
            let alert: [UInt8] = [0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]
            _ = write(connection, alert, alert.count)
            close(connection)
        }
        let text = try Self.failure(["calls", "--url", "http://127.0.0.1:\(port)"]).text
        #expect(text.contains("does not answer in HTTP; if it speaks TLS, its address begins with https://"), "\(text)")
    }

    @Test func `bench names the program with the benchmarks`() throws {
        let (text, status) = try Self.failure(["bench", "load", "--calls", "5"])
        #expect(text.contains("swift run -c release talkpath-bench load --calls 5") && status == 64)
    }

    @Test func `the version is printed`() throws {
        let outcome = try Executable.run(["--version"])
        let text = String(decoding: outcome.output, as: UTF8.self)
        #expect(text.wholeMatch(of: /talkpath \d+\.\d+\.\d+\n/) != nil, "\(text)")
        #expect(outcome.status == 0)
    }

    @Test func `every help begins with an imperative and fits 80 columns`() throws {
        let overview = String(decoding: try Executable.run(["--help"]).output, as: UTF8.self)
        let commands = overview.matches(of: /(?m)^  ([a-z-]+) {2,}\S/).map { String($0.1) }
        #expect(commands.count > 10)
        let twoWords = ["twilio", "openai", "gemini", "sessions", "nodes", "captures"].map { ["simulate", $0] }
        for command in commands.map({ [$0] }) + twoWords {
            let help = String(decoding: try Executable.run(command + ["--help"]).output, as: UTF8.self)
            let word = help.split(separator: " ").dropFirst().first ?? ""
            #expect(help.hasPrefix("OVERVIEW: ") && !word.hasSuffix("s"), "\(command): \(help.prefix(60))")
            for line in help.split(separator: "\n") where !line.hasPrefix("USAGE: ") {
                #expect(line.count <= 80, "\(command): \(line)")
            }
        }
    }

    private static func listen() throws -> (descriptor: CInt, port: Int) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                try #require(bind(listener, pointer, size) == 0 && Glibc.listen(listener, 1) == 0)
                try #require(getsockname(listener, pointer, &size) == 0)
            }
        }
        return (listener, Int(UInt16(bigEndian: address.sin_port)))
    }
}
