import AsyncHTTPClient
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import TalkpathAudio
import TalkpathConsole
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer

/// The console: its files, and the rights of its session.
@Suite(.timeLimit(.minutes(5))) struct ConsoleTests {
    private typealias Fields = [(String, String)]

    private func withConsole(
        configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (TestServer) async throws -> Void
    ) async throws {
        try await TestServer.run(
            configure: { configuration in
                configuration.hasConsole = true
                configure(&configuration)
            },
            body
        )
    }

    /// A browser's request, without a key. The API's document does not list the console's own addresses.
    private func ask(
        _ test: TestServer,
        _ method: HTTPMethod,
        _ path: String,
        _ body: String? = nil,
        _ headers: Fields = []
    ) async throws -> TestServer.Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(test.server.port)\(path)")
        request.method = method
        if body != nil { request.headers.add(name: "Content-Type", value: "application/json") }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 1 << 22)
        return TestServer.Answer(
            status: Int(response.status.code),
            headers: response.headers,
            text: String(buffer: bytes)
        )
    }

    /// - Returns: the headers of a session that was signed in with the key.
    private func signIn(_ test: TestServer, _ key: String = TestServer.key) async throws -> Fields {
        let answer = try await ask(test, .POST, "/console/session", #"{"key":"\#(key)"}"#)
        try #require(answer.status == 200, "\(answer.text)")
        let cookie = try #require(answer.headers["Set-Cookie"].first?.split(separator: ";").first)
        let token = try #require(answer["request_token"]?.string)
        return [("Cookie", String(cookie)), ("X-Request-Token", token)]
    }

    // MARK: Files

    @Test func `every file has a policy that allows no foreign content`() async throws {
        try await withConsole { test async throws in
            var weight = 0
            for path in ["/console"] + ConsoleFile.all.map({ "/console/\($0.name)" }) {
                let answer = try await ask(test, .GET, path)
                #expect(answer.status == 200, "\(path)")
                if path != "/console" { weight += answer.text.utf8.count }
                let policy = answer.headers["Content-Security-Policy"].first ?? ""
                #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self';"), "\(path)")
                #expect(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"))
                #expect(!policy.contains("unsafe") && !policy.contains("*") && !policy.contains("http"))
                #expect(answer.headers["X-Content-Type-Options"] == ["nosniff"])
                #expect(answer.headers["Referrer-Policy"] == ["no-referrer"])
                // An unchanged file is not sent again.
                let tag = try #require(answer.headers["ETag"].first)
                let again = try await ask(test, .GET, path, nil, [("If-None-Match", tag)])
                #expect(again.status == 304 && again.text.isEmpty)
            }
            #expect(weight < 200_000, "the whole console")
        }
    }

    @Test func `pages have no inline script or style and name no other host`() throws {
        for file in ConsoleFile.all {
            let text = String(decoding: file.bytes, as: UTF8.self)
            #expect(!text.contains("innerHTML") && !text.contains("eval("), "\(file.name)")
            if file.name.hasSuffix(".html") {
                #expect(!text.contains("style=") && !text.contains(" on") && !text.contains("<style"))
                #expect(text.ranges(of: "<script").count == text.ranges(of: "<script type=\"module\" src=\"/").count)
            }
            let places = text.matches(of: /https?:\/\/[a-z0-9.\/-]+/).map { String($0.0) }
            let known = ["http://www.w3.org/2000/svg", "https://example.com/hooks"]
            #expect(places.filter { !known.contains($0) } == [], "\(file.name)")
        }
    }

    @Test func `the console is served only if it is switched on`() async throws {
        try await TestServer.run { test async throws in
            for path in ["/console", "/console/app.js", "/console/session"] {
                #expect(try await ask(test, .GET, path).status == 404)
            }
        }
        func hasConsole(_ value: String?, dev: Bool) throws -> Bool {
            var environment = [
                "OPENAI_API_KEY": "k", "TALKPATH_API_KEYS": TestServer.key, "TALKPATH_PUBLIC_URL": TestServer.origin,
                "TWILIO_ACCOUNT_SID": "AC" + String(repeating: "0", count: 32), "TWILIO_AUTH_TOKEN": "token",
                "TWILIO_FROM_NUMBER": "+14155550100", "TALKPATH_DATA_FOLDER": ":memory:",
            ]
            environment["TALKPATH_CONSOLE"] = value
            return try ServerConfiguration.read(environment: environment, isDevelopment: dev).hasConsole
        }
        #expect(try hasConsole(nil, dev: true) && !hasConsole(nil, dev: false))
        #expect(try hasConsole("on", dev: false) && !hasConsole("off", dev: true))
        #expect(throws: ConfigurationError.self) { try hasConsole("maybe", dev: true) }
    }

    @Test func `unknown addresses are not found`() async throws {
        try await withConsole { test async throws in
            for path in ["/console/none.js", "/console/..%2fREADME.md", "/console/app.js/more"] {
                let answer = try await ask(test, .GET, path)
                #expect(answer.status == 404, "\(path)")
            }
        }
    }

    // MARK: Signing in

    @Test func `a key opens a session whose cookie does not contain the key`() async throws {
        try await withConsole { test async throws in
            #expect(try await ask(test, .GET, "/console/session")["signed_in"] == false)
            let answer = try await ask(test, .POST, "/console/session", #"{"key":"\#(TestServer.otherKey)"}"#)
            #expect(answer.status == 200 && answer["tenant"] == "other")
            let cookie = try #require(answer.headers["Set-Cookie"].first)
            // The public address is https.
            #expect(cookie.hasPrefix("__Host-talkpath="))
            for part in ["; HttpOnly", "; SameSite=Strict", "; Secure", "; Path=/", "; Max-Age=43200"] {
                #expect(cookie.contains(part), "\(part)")
            }
            #expect(!cookie.contains("Domain"))
            #expect(!cookie.contains(TestServer.otherKey) && !answer.text.contains(TestServer.otherKey))
            let fields: Fields = [("Cookie", String(cookie.prefix { $0 != ";" }))]
            #expect(try await ask(test, .GET, "/console/session", nil, fields)["tenant"] == "other")
            #expect(try await ask(test, .GET, "/api/calls", nil, fields).status == 200)
        }
    }

    @Test func `over plain HTTP the cookie is sent over plain HTTP`() async throws {
        try await withConsole(configure: { configuration in
            configuration.isDevelopment = true
            configuration.publicURL = nil
        }) { test async throws in
            let answer = try await ask(test, .POST, "/console/session", #"{"key":"\#(TestServer.key)"}"#)
            let cookie = try #require(answer.headers["Set-Cookie"].first)
            #expect(cookie.hasPrefix("talkpath=") && !cookie.contains("Secure") && cookie.contains("HttpOnly"))
        }
    }

    @Test(arguments: ["", "wrong", "a key of sixteen or mor"])
    func `a wrong key opens no session`(key: String) async throws {
        try await withConsole { test async throws in
            let answer = try await ask(test, .POST, "/console/session", #"{"key":"\#(key)"}"#)
            #expect(answer.status == 401 || answer.status == 422)
            #expect(answer.headers["Set-Cookie"].isEmpty)
        }
    }

    @Test func `unknown cookies open no session`() async throws {
        try await withConsole { test async throws in
            for cookie in [
                "__Host-talkpath=", "__Host-talkpath=x", "talkpath=x", "a=b; __Host-talkpath=\(TestServer.key)",
            ] {
                let answer = try await ask(test, .GET, "/api/calls", nil, [("Cookie", cookie)])
                #expect(answer.status == 401, "\(cookie)")
            }
        }
    }

    @Test func `a wrong key is refused in spite of a session`() async throws {
        try await withConsole { test async throws in
            let fields = try await signIn(test) + [("Authorization", "Bearer wrong")]
            #expect(try await ask(test, .GET, "/api/calls", nil, fields).status == 401)
        }
    }

    @Test func `signing out ends the session`() async throws {
        try await withConsole { test async throws in
            let fields = try await signIn(test)
            let out = try await ask(test, .DELETE, "/console/session", nil, fields)
            #expect(out.status == 204 && out.headers["Set-Cookie"].first?.contains("Max-Age=0") == true)
            #expect(try await ask(test, .GET, "/api/calls", nil, fields).status == 401)
        }
    }

    @Test func `a session ends after its time, and the oldest ends when there are too many`() throws {
        let clock = ManualClock()
        let sessions = ConsoleSessions(clock: clock, isSecure: false, most: 2)
        func request(_ cookie: String) -> Request { ConsoleTests.request(cookie: String(cookie.prefix { $0 != ";" })) }
        let cookies = (0..<3).map { sessions.begin(tenant: "t\($0)").cookie }
        #expect(try sessions.session(of: request(cookies[0])) == nil)
        #expect(try sessions.session(of: request(cookies[1]))?.tenant == "t1")
        clock.wallTime = WallTime(
            milliseconds: clock.wallTime.milliseconds + Int64(ConsoleSessions.lifetime.wholeMilliseconds)
        )
        #expect(try sessions.session(of: request(cookies[1])) == nil)
    }

    // MARK: Other sites

    @Test func `a request without the session's token is refused`() async throws {
        try await withConsole { test async throws in
            let call = try await test.place()
            let fields = try await signIn(test)
            let other = try await signIn(test)
            let attempts: [Fields] = [
                [fields[0]], [fields[0], ("X-Request-Token", "")], [fields[0], ("X-Request-Token", "guessed")],
                [fields[0], other[1]],
            ]
            for headers in attempts {
                let answer = try await ask(test, .POST, "/api/calls/\(call)/end", "{}", headers)
                #expect(answer.status == 403 && answer["code"] == "forbidden")
            }
            #expect(try await test.send(.GET, "/api/calls/\(call)")["receipt"]?.isNull == true)
            #expect(try await ask(test, .POST, "/api/calls/\(call)/end", "{}", fields).status == 200)
        }
    }

    @Test(arguments: ["cross-site", "same-site"])
    func `pages of other sites cannot use a session`(site: String) async throws {
        try await withConsole { test async throws in
            let fields = try await signIn(test) + [("Sec-Fetch-Site", site)]
            for path in ["/api/calls", "/console/session"] {
                #expect(try await ask(test, .GET, path, nil, fields).status == 403, "\(path)")
            }
            #expect(try await ask(test, .POST, "/api/calls/end", #"{"all":true}"#, fields).status == 403)
            // They cannot sign in with a key of their own, either.
            let body = #"{"key":"\#(TestServer.key)"}"#
            let answer = try await ask(test, .POST, "/console/session", body, [("Sec-Fetch-Site", site)])
            #expect(answer.status == 403 && answer.headers["Set-Cookie"].isEmpty)
        }
    }

    /// Another site's form can send text without a preflight request, but not JSON.
    @Test func `a form of another site cannot sign in`() async throws {
        try await withConsole { test async throws in
            let body = #"{"key":"\#(TestServer.key)"}"#
            let answer = try await ask(test, .POST, "/console/session", body, [("Content-Type", "text/plain")])
            #expect(answer.status == 415 && answer.headers["Set-Cookie"].isEmpty)
        }
    }

    // MARK: Tenants

    @Test func `a session sees the calls of its tenant only`() async throws {
        try await withConsole { test async throws in
            let call = try await test.place()
            let theirs = try await signIn(test, TestServer.otherKey)
            for path in ["", "/activity", "/events", "/recording", "/capture"] {
                #expect(try await ask(test, .GET, "/api/calls/\(call)\(path)", nil, theirs).status == 404, "\(path)")
            }
            #expect(try await ask(test, .GET, "/api/activity", nil, theirs)["calls"]?.array?.isEmpty == true)
            #expect(try await ask(test, .POST, "/api/calls/\(call)/end", "{}", theirs).status == 404)
            let ours = try await signIn(test)
            #expect(try await ask(test, .GET, "/api/activity", nil, ours)["calls"]?.array?.count == 1)
        }
    }

    private static func request(cookie: String) -> Request {
        Request(
            head: .init(method: .get, scheme: nil, authority: nil, path: "/", headerFields: [.cookie: cookie]),
            body: .init(buffer: ByteBuffer())
        )
    }
}
