import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct CommandTests {
    private static let commands = [
        ("say", #"{"text":"Hello"}"#), ("messages", #"{"text":"Hello"}"#), ("dtmf", #"{"digits":"1"}"#),
        ("mute", #"{"leg":"caller"}"#), ("unmute", #"{"leg":"agent"}"#), ("transfer", #"{"to":"+14155550102"}"#),
    ]

    private func post(
        _ test: TestServer,
        _ call: String,
        _ command: (String, String),
        key: String = TestServer.key
    ) async throws -> TestServer.Answer {
        try await test.send(.POST, "/api/calls/\(call)/\(command.0)", command.1, key: key)
    }

    @Test func `an unknown call, another tenant's and an ended one get different errors`() async throws {
        try await TestServer.run { test async throws in
            let live = try await test.place()
            let ended = try await test.place()
            _ = try await test.end(ended)
            for command in Self.commands {
                let theirs = try await post(test, live.text, command, key: TestServer.otherKey)
                let unknown = try await post(test, "none", command, key: TestServer.otherKey)
                #expect(theirs.status == 404 && theirs.text == unknown.text, "\(command.0)")
                let over = try await post(test, ended.text, command)
                #expect(over.status == 409 && over["code"] == "call_already_ended", "\(command.0)")
                #expect(over["receipt"]?["call_id"]?.string == ended.text)
            }
        }
    }

    @Test func `a command that needs a caller on the line is refused before the answer`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            for (command, code) in [
                (Self.commands[0], "not_answered"), (Self.commands[1], "agent_not_ready"),
                (Self.commands[2], "not_answered"), (Self.commands[5], "not_answered"),
            ] {
                let answer = try await post(test, call.text, command)
                #expect(answer.status == 409 && answer["code"]?.string == code, "\(command.0): \(answer.text)")
            }
        }
    }

    @Test func `a leg is muted and heard again`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let session = try #require(await test.server.manager.session(call))
            let muted = try await post(test, call.text, ("mute", #"{"leg":"caller"}"#))
            #expect(muted.status == 200 && muted["leg"] == "caller" && muted["muted"] == true)
            #expect(await session.isMuted(.caller))
            #expect(await !session.isMuted(.agent))
            let heard = try await post(test, call.text, ("unmute", #"{"leg":"caller"}"#))
            #expect(heard["muted"] == false)
            #expect(await !session.isMuted(.caller))
        }
    }

    @Test(arguments: [
        ("say", "{}", 422, "invalid_field"), ("say", #"{"text":"a","audio":"UklGRg=="}"#, 422, "invalid_field"),
        ("say", #"{"audio":"!"}"#, 422, "invalid_field"), ("say", #"{"txt":"a"}"#, 422, "unknown_field"),
        ("messages", #"{"text":"a","role":"tool"}"#, 422, "invalid_field"), ("messages", "{}", 400, "missing_field"),
        ("dtmf", #"{"digits":7}"#, 422, "invalid_field"), ("mute", "{}", 400, "missing_field"),
        ("mute", #"{"leg":"both"}"#, 422, "invalid_field"), ("transfer", #"{"to":"911"}"#, 403, "emergency_number"),
        ("transfer", #"{"to":"+4930123456"}"#, 403, "destination_not_allowed"),
        ("transfer", #"{"to":"+14155550101","from":"x"}"#, 422, "invalid_number"),
        ("transfer", #"{"to":"+14155550101","mode":"now","drain_timeout_ms":5}"#, 422, "invalid_field"),
        ("unmute", "[", 400, "malformed_json"),
    ])
    func `an invalid request is refused`(name: String, body: String, status: Int, code: String) async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let answer = try await post(test, call.text, (name, body))
            #expect(answer.status == status && answer["code"]?.string == code, "\(answer.text)")
        }
    }

    @Test func `a transcript is JSON or text`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let path = "/api/calls/\(call)/transcript"
            #expect(try await test.send(.GET, path).json == ["call_id": .string(call.text), "transcript": []])
            let text = try await test.send(.GET, path, headers: [("Accept", "text/plain")])
            #expect(text.status == 200 && text.headers["Content-Type"] == ["text/plain; charset=utf-8"])
            #expect(try await test.send(.GET, path, headers: [("Accept", "image/png")]).status == 406)
        }
    }

    @Test(
        arguments: [
            (nil, "a/b"), ("*/*", "a/b"), ("c/d", "c/d"), ("a/*;q=0.5, c/d", "c/d"), ("c/d;q=0, */*", "a/b"),
            ("x/y", nil), ("a/b;q=0", nil), ("C/D ; q=0.2 , a/b;q=0.1", "c/d"),
        ] as [(String?, String?)]
    )
    func `the best representation of the Accept header is chosen`(accept: String?, best: String?) {
        #expect(MediaType.best(of: ["a/b", "c/d"], for: accept) == best)
    }

    // MARK: Lists

    @Test func `lists are continued by their cursor`() async throws {
        try await TestServer.run { test async throws in
            var calls: [String] = []
            for number in 0..<5 {
                let call = try await test.place()
                calls.append(call.text)
                if number % 2 == 0 { _ = try await test.end(call) }
            }
            var seen: [String] = []
            var cursor = ""
            repeat {
                let page = try await test.send(.GET, "/api/calls?state=all&limit=2\(cursor)")
                seen += (page["calls"]?.array ?? []).compactMap { $0["call_id"]?.string }
                cursor = page["next_cursor"]?.string.map { "&cursor=\($0)" } ?? ""
            } while !cursor.isEmpty && seen.count < 20
            #expect(seen.sorted() == calls.sorted())
            func count(_ query: String) async throws -> Int? {
                try await test.send(.GET, "/api/calls?\(query)")["count"]?.int
            }
            #expect(try await count("state=ended") == 3)
            #expect(try await count("") == 2)
            #expect(try await count("state=all&agent_id=default") == 5)
            #expect(try await count("state=all&agent_id=x") == 0)
            #expect(try await count("state=all&since=2020-01-01T00:00:00Z&until=2999-01-01T00:00:00%2B02:00") == 5)
            #expect(try await count("state=all&until=2020-01-01T00:00:00Z") == 0)
            #expect(try await count("state=all&search=\(calls[0])") == 1)
        }
    }

    @Test(arguments: [
        "since=yesterday", "until=2026-02-30T00:00:00Z", "cursor=x", "limit=0", "state=x", "serach=x", "search=",
    ])
    func `an invalid query is refused`(query: String) async throws {
        try await TestServer.run { test async throws in
            #expect(try await test.send(.GET, "/api/calls?\(query)").status == 422)
        }
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-03-01T12:00:00.25Z", 1_772_366_400_250),
        ("2026-03-01t14:00:00.250+02:00", 1_772_366_400_250), ("2000-02-29 00:00:00z", 951_782_400_000),
        ("1969-12-31T23:59:59.999Z", -1),
    ])
    func `valid times are read`(text: String, milliseconds: Int64) {
        #expect(WallTime(rfc3339: text) == WallTime(milliseconds: milliseconds))
    }

    @Test(arguments: [
        "", "2026-03-01", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-03-01T24:00:00Z",
        "2026-03-01T00:00:00", "2026-03-01T00:00:00+24:00", "2026-03-01T00:00:00.Z", "x2026-03-01T00:00:00Z",
    ])
    func `invalid times are refused`(text: String) {
        #expect(WallTime(rfc3339: text) == nil)
    }
}
