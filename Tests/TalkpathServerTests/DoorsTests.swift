import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct DoorsTests {
    // MARK: Limits of a connection

    /// Sends bytes unchanged, and reads until the server closes.
    private func exchange(_ port: Int, _ bytes: String) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: bytes))
            var text = ""
            do {
                for try await buffer in inbound { text += String(buffer: buffer) }
            } catch is IOError {
                // Closed while our bytes were unread.
            }
            return text
        }
    }

    @Test func `a client that sends no body is disconnected`() async throws {
        try await TestServer.run(configure: { $0.requestTimeout = .milliseconds(200) }) { test async throws in
            let head = """
                POST /api/calls HTTP/1.1\r
                Host: a\r
                Authorization: Bearer \(TestServer.key)\r
                Content-Length: 100\r
                \r
                {"to":
                """
            let answer = try await exchange(test.server.port, head)
            #expect(answer.hasPrefix("HTTP/1.1 408") && answer.contains("request_timeout"))
            #expect(test.carrier.placed.isEmpty)
            #expect(try await test.send(.GET, "/health", key: nil).status == 200)
        }
    }

    @Test func `a request without a key is refused before its body comes`() async throws {
        try await TestServer.run { test async throws in
            let head = "POST /api/calls HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100\r\n\r\n"
            #expect(try await exchange(test.server.port, head).hasPrefix("HTTP/1.1 401"))
        }
    }

    /// The request does not state its length.
    @Test func `a body in chunks is read up to 1 MiB and must be complete`() async throws {
        try await TestServer.run { test async throws in
            func answer(_ chunks: String) async throws -> String {
                let head = """
                    POST /api/calls HTTP/1.1\r
                    Host: a\r
                    Connection: close\r
                    Authorization: Bearer \(TestServer.key)\r
                    Transfer-Encoding: chunked\r
                    \r

                    """
                return try await exchange(test.server.port, head + chunks)
            }
            let spaces = "4000\r\n" + String(repeating: " ", count: 0x4000) + "\r\n"
            let order = #"{"to":"+14155550101"}"#
            let good = try await answer("\(spaces)15\r\n\(order)\r\n0\r\n\r\n")
            #expect(good.hasPrefix("HTTP/1.1 201"))
            let large = try await answer(String(repeating: spaces, count: 65) + "0\r\n\r\n")
            #expect(large.hasPrefix("HTTP/1.1 413") && large.contains("body_too_large"))
            let broken = try await answer("15\r\n\(order)\r\nno chunk\r\n")
            #expect(broken.hasPrefix("HTTP/1.1 400"), "\(broken)")
            #expect(test.carrier.placed.count == 1)
        }
    }

    @Test func `headers of more than 16 KiB are refused`() async throws {
        try await TestServer.run { test async throws in
            let lines = (0..<20).map { "X-\($0): " + String(repeating: "x", count: 1000) + "\r\n" }.joined()
            let answer = try await exchange(test.server.port, "GET /health HTTP/1.1\r\nHost: a\r\n\(lines)\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 431") && answer.hasSuffix("The path and the headers are too long"))
            let few = lines.prefix(8000)
            let good = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: \(few.filter { $0 == "x" })\r\n\r\n"
            #expect(try await exchange(test.server.port, good).hasPrefix("HTTP/1.1 200"))
        }
    }

    // MARK: Caps

    @Test func `a thousand requests at once under a tenant's limit place exactly that many calls`() async throws {
        try await TestServer.run(configure: {
            $0.maximumCallsPerTenant = 10
            $0.callsPerSecond = 10_000
        }) { test async throws in
            let answers = try await withThrowingTaskGroup(of: TestServer.Answer.self) { group in
                for _ in 0..<1000 {
                    group.addTask { try await test.send(.POST, "/api/calls", #"{"to":"+14155550101"}"#) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.status == 201 } == 10)
            #expect(answers.allSatisfy { $0.status == 201 || ($0.status == 429 && $0["code"] == "too_many_calls") })
            // Another tenant has its own limit, and an end makes room.
            _ = try await test.place(key: TestServer.otherKey)
            let one = try #require(answers.first { $0.status == 201 }?["call_id"]?.string)
            #expect(try await test.end(CallID(one)).status == 200)
            _ = try await test.place()
            #expect(try await test.send(.POST, "/api/calls", #"{"to":"+14155550101"}"#).status == 429)
        }
    }

    @Test func `the minutes of a day are reserved and given back`() async throws {
        try await TestServer.run(configure: {
            $0.minutesPerDay = 60
            $0.limits.maxDuration = .seconds(3000)
        }) { test async throws in
            let first = try await test.place()
            // Ten minutes are left. The next call reserves them all, and a third is refused.
            let second = try await test.place()
            #expect(test.carrier.placed.map(\.timeLimit) == [.seconds(3000), .seconds(600)])
            let refused = try await test.send(.POST, "/api/calls", #"{"to":"+14155550101"}"#)
            #expect(refused.status == 429 && refused["code"] == "quota_exceeded")
            let seconds = refused.headers["Retry-After"].first.flatMap { Int($0) } ?? 0
            #expect((1...86_400).contains(seconds))
            _ = try await test.end(first)
            _ = try await test.end(second)
            _ = try await test.place()
            #expect(test.carrier.placed.last?.timeLimit == .seconds(3000))
        }
    }

    @Test func `the minutes that earlier processes used today count`() async throws {
        let now = SystemClock().wallTime
        let lastNight = WallTime(milliseconds: now.milliseconds - now.milliseconds % 86_400_000 - 1)
        try await ServerFolder.run { folder in
            try await folder.withStore { store async throws in
                for (id, tenant, minutes, end) in [
                    ("one", "default", 25, now), ("two", "default", 15, now), ("theirs", "other", 5, now),
                    ("old", "default", 20, lastNight),
                ] {
                    var call = ServerFolder.liveCall(id, tenant: tenant)
                    call.startedAt = WallTime(milliseconds: end.milliseconds - 45 * 60_000)
                    call.answeredAt = WallTime(milliseconds: end.milliseconds - Int64(minutes) * 60_000)
                    call.endedAt = end
                    call.status = .completed
                    try await store.save(call)
                }
            }
            try await TestServer.run(configure: {
                $0.storage = .init(folder: folder.path)
                $0.minutesPerDay = 60
            }) { test async throws in
                _ = try await test.place()
                _ = try await test.place(key: TestServer.otherKey)
                #expect(test.carrier.placed.map(\.timeLimit) == [.seconds(20 * 60), .seconds(55 * 60)])
            }
        }
    }

    @Test func `the minutes of a deleted call stay used`() async throws {
        try await ServerFolder.run { folder in
            try await folder.withStore { store async throws in
                let now = SystemClock().wallTime
                var call = ServerFolder.liveCall("one")
                call.startedAt = WallTime(milliseconds: now.milliseconds - 26 * 60_000)
                call.answeredAt = WallTime(milliseconds: now.milliseconds - 25 * 60_000)
                call.endedAt = now
                call.status = .completed
                try await store.save(call)
            }
            let configure = { (configuration: inout ServerConfiguration) in
                configuration.storage = .init(folder: folder.path)
                configuration.minutesPerDay = 60
            }
            try await TestServer.run(configure: configure) { test async throws in
                #expect(try await test.send(.DELETE, "/api/calls/one").status == 204)
            }
            try await TestServer.run(configure: configure) { test async throws in
                _ = try await test.place()
                #expect(test.carrier.placed.map(\.timeLimit) == [.seconds(35 * 60)])
            }
        }
    }

    @Test func `a call that ends after midnight counts for the new day`() throws {
        let caps = CallCaps(.init(placedPerSecond: 1, atOnce: nil, minutesPerDay: 60))
        let midnight: Int64 = 86_400_000 * 20_000
        let instant = MonotonicInstant(nanoseconds: 0)
        func admit(_ id: String, at milliseconds: Int64) throws -> Duration {
            try caps.admit(
                CallID(id),
                tenant: "one",
                isPlaced: false,
                for: .seconds(3600),
                at: instant,
                wallTime: WallTime(milliseconds: milliseconds)
            )
        }
        #expect(try admit("late", at: midnight - 60_000) == .seconds(3600))
        var receipt = try #require(EndedCalls.call("late").receipt)
        receipt.talking = .seconds(600)
        receipt.endedAt = WallTime(milliseconds: midnight + 540_000)
        caps.publish(CallEvent(callID: CallID("late"), at: .zero, kind: .ended(receipt)))
        #expect(try admit("next", at: midnight + 600_000) == .seconds(3000))
    }

    @Test func `a clock that was ahead for a moment neither uses nor returns minutes of a day`() throws {
        let caps = CallCaps(.init(placedPerSecond: 1, atOnce: nil, minutesPerDay: 1))
        func talk(on day: Int64) -> Bool {
            let call = CallID("call-\(day)-\(Int.random(in: 0...Int.max))")
            let time = WallTime(milliseconds: 86_400_000 * (20_000 + day) + 3_600_000)
            let instant = MonotonicInstant(nanoseconds: 0)
            let granted = try? caps.admit(
                call,
                tenant: "one",
                isPlaced: false,
                for: .seconds(60),
                at: instant,
                wallTime: time
            )
            guard granted != nil, var receipt = EndedCalls.call(call.text).receipt else { return false }
            receipt.talking = .seconds(60)
            receipt.endedAt = time
            caps.publish(CallEvent(callID: call, at: .zero, kind: .ended(receipt)))
            return true
        }
        #expect(talk(on: 1))
        #expect(!talk(on: 1))
        #expect(talk(on: 11), "the clock is ahead")
        #expect(!talk(on: 1), "and is right again: this day's minute is used up")
        #expect(talk(on: 2))
        #expect(!talk(on: 2))
        #expect(talk(on: 3))
        for day in 4...30 { #expect(talk(on: Int64(day)), "the clock's lead is long forgotten on day 11") }
    }

    @Test func `inbound calls count as well`() async throws {
        try await TestServer.run(configure: { $0.maximumCallsPerTenant = 1 }) { test async throws in
            let form: FormParameters = [
                "CallSid": "CA77", "CallStatus": "ringing", "From": "+14155550199", "To": "+14155550100",
            ]
            // The carrier repeats a request whose answer was lost, and gets the same call.
            for _ in 0..<2 { #expect(try await test.webhook("/twilio/voice", form).text.contains("<Connect>")) }
            var second = form
            second = ["CallSid": "CA78", "CallStatus": "ringing", "From": "+14155550199", "To": "+14155550100"]
            #expect(try await test.webhook("/twilio/voice", second).text.contains(#"<Reject reason="busy"/>"#))
            #expect(try await test.send(.POST, "/api/calls", #"{"to":"+14155550101"}"#).status == 429)
        }
    }
}
