import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import TalkpathWire
import Testing

@testable import TalkpathSimulators

/// The carrier's REST interface besides placing and changing calls.
struct FakeTwilioResourcesTests {
    private static let account = "AC00000000000000000000000000000001"
    private static let token = "12345678901234567890123456789012"
    private static let own = "+15550100"

    private struct Reply {
        var status: Int
        var body: JSONValue
        var bytes: [UInt8]
    }

    /// - Parameter path: below the account, or from the root on.
    private func send(
        _ twilio: FakeTwilio,
        _ method: HTTPMethod,
        _ path: String,
        _ form: [(String, String)] = [],
        user: String = Self.account,
        secret: String = Self.token
    ) async throws -> Reply {
        let address =
            path.hasPrefix("/") ? path : "/2010-04-01/Accounts/\(Self.account)\(path.isEmpty ? "" : "/")\(path)"
        var request = HTTPClientRequest(url: twilio.baseURL + (path.isEmpty ? address + ".json" : address))
        request.method = method
        request.headers.add(name: "Authorization", value: "Basic " + PlainBase64.encode("\(user):\(secret)".utf8))
        if method == .POST {
            request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(ByteBuffer(string: FormFields(form).encoded))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let bytes = Array(try await response.body.collect(upTo: 1 << 20).readableBytesView)
        return Reply(status: Int(response.status.code), body: JSONValue(bytes), bytes: bytes)
    }

    private func run(
        configure: (inout FakeTwilioConfiguration) -> Void = { _ in },
        _ body: (FakeTwilio) async throws -> Void
    ) async throws {
        var configuration = FakeTwilioConfiguration(
            behavior: CallBehavior(outcome: .answers(ringing: .milliseconds(20)), dialing: .milliseconds(10))
        )
        configuration.numbers = [Self.own]
        configure(&configuration)
        let twilio = try await FakeTwilio.start(configuration)
        do {
            try await body(twilio)
        } catch {
            await twilio.shutdown()
            throw error
        }
        await twilio.shutdown()
    }

    private func place(
        _ twilio: FakeTwilio,
        to: String = "+15550199",
        _ more: [(String, String)] = []
    ) async throws -> String {
        let form = [("To", to), ("From", Self.own), ("Twiml", "<Response><Pause length=\"30\"/></Response>")] + more
        let reply = try await send(twilio, .POST, "Calls.json", form)
        #expect(reply.status == 201)
        let sid = try #require(reply.body["sid"]?.string)
        try await twilio.timeline.waitFor { event in
            if case .callStatus("in-progress") = event.kind { event.subject == sid } else { false }
        }
        return sid
    }

    private func end(_ twilio: FakeTwilio, _ sid: String) async throws {
        #expect(try await send(twilio, .POST, "Calls/\(sid).json", [("Status", "completed")]).status == 200)
        _ = try await twilio.waitUntilOver(sid)
    }

    private func sids(_ reply: Reply, _ name: String = "calls") -> [String] {
        reply.body[name]?.array?.compactMap { $0["sid"]?.string } ?? []
    }

    @Test func `calls are listed, newest first, in pages that new calls do not shift`() async throws {
        try await run { twilio in
            var placed: [String] = []
            for _ in 0..<3 { placed.append(try await place(twilio)) }
            let first = try await send(twilio, .GET, "Calls.json?PageSize=2")
            #expect(sids(first) == [placed[2], placed[1]])
            #expect(first.body["previous_page_uri"] == .null && first.body["page_size"] == 2)
            placed.append(try await place(twilio))
            let next = try #require(first.body["next_page_uri"]?.string)
            let second = try await send(twilio, .GET, next)
            #expect(sids(second) == [placed[0]])
            #expect(second.body["next_page_uri"] == .null && second.body["page"] == 1)
        }
    }

    @Test func `calls are listed by the given filters`() async throws {
        try await run { twilio in
            let one = try await place(twilio, to: "+15550191")
            let other = try await place(twilio, to: "+15550192")
            try await end(twilio, one)
            func listed(_ query: String) async throws -> [String] {
                sids(try await send(twilio, .GET, "Calls.json?" + query))
            }
            #expect(try await listed("To=%2B15550191") == [one])
            #expect(try await listed("Status=in-progress") == [other])
            #expect(try await listed("Status=completed&From=%2B15550100") == [one])
            #expect(try await listed("StartTime%3E=2020-01-01") == [other, one])
            #expect(try await listed("StartTime%3C=2020-01-01T00:00:00Z") == [])
            #expect(try await listed("EndTime%3E=2020-01-01") == [one])
            for wrong in ["Too=1", "PageSize=0", "StartTime=yesterday", "PageToken=PACA1"] {
                let reply = try await send(twilio, .GET, "Calls.json?" + wrong)
                #expect(reply.status == 400 && reply.body["code"] == 20001, "\(wrong)")
            }
        }
    }

    @Test func `a call is deleted once it is over`() async throws {
        try await run { twilio in
            let sid = try await place(twilio)
            let early = try await send(twilio, .DELETE, "Calls/\(sid).json")
            #expect(early.status == 409 && early.body["code"] == 20009)
            try await end(twilio, sid)
            let gone = try await send(twilio, .DELETE, "Calls/\(sid).json")
            #expect(gone.status == 204 && gone.bytes.isEmpty)
            #expect(try await send(twilio, .GET, "Calls/\(sid).json").status == 404)
            #expect(sids(try await send(twilio, .GET, "Calls.json")) == [])
        }
    }

    @Test func `a number that the account does not own places no call`() async throws {
        try await run { twilio in
            let form = [("To", "+15550199"), ("From", "+15550101"), ("Twiml", "<Response/>")]
            let refused = try await send(twilio, .POST, "Calls.json", form)
            #expect(refused.status == 400 && refused.body["code"] == 21210)
            #expect(await twilio.records().isEmpty)
            let numbers = try await send(twilio, .GET, "IncomingPhoneNumbers.json")
            let listed = numbers.body["incoming_phone_numbers"]?.array ?? []
            #expect(listed.compactMap { $0["phone_number"]?.string } == [Self.own])
            let sid = try #require(listed.first?["sid"]?.string)
            #expect(
                try await send(twilio, .GET, "IncomingPhoneNumbers/\(sid).json").body["phone_number"]?.string
                    == Self.own
            )
            let none = try await send(twilio, .GET, "IncomingPhoneNumbers.json?PhoneNumber=%2B49")
            #expect(none.body["incoming_phone_numbers"] == [])
        }
    }

    @Test func `a recorded call has a recording that can be fetched and deleted`() async throws {
        try await run { twilio in
            let sid = try await place(twilio, [("Record", "true")])
            let plain = try await place(twilio)
            let during = try await send(twilio, .GET, "Calls/\(sid)/Recordings.json")
            #expect(during.body["recordings"]?[0]?["status"] == "in-progress")
            let second = try await send(twilio, .POST, "Calls/\(sid)/Recordings.json", [("RecordingChannels", "dual")])
            #expect(second.status == 201 && second.body["source"] == "StartCallRecordingAPI")
            try await end(twilio, sid)
            #expect(sids(try await send(twilio, .GET, "Calls/\(plain)/Recordings.json"), "recordings") == [])
            let all = sids(try await send(twilio, .GET, "Recordings.json"), "recordings")
            #expect(all.count == 2)
            let one = try await send(twilio, .GET, "Recordings/\(all[0]).json")
            // As long as the call, which lasts longer on a busy machine.
            let seconds = try #require(one.body["duration"]?.string.flatMap { Int($0) })
            #expect(one.body["call_sid"]?.string == sid && seconds >= 1)
            let sound = try await send(twilio, .GET, "Recordings/\(all[0]).wav")
            #expect(sound.bytes.starts(with: Array("RIFF".utf8)) && sound.bytes.count == 44 + 16_000 * seconds)
            #expect(try await send(twilio, .DELETE, "Recordings/\(all[0]).json").status == 204)
            #expect(sids(try await send(twilio, .GET, "Recordings.json"), "recordings") == [all[1]])
            #expect(try await send(twilio, .POST, "Calls/\(sid)/Recordings.json", []).body["code"] == 21220)
        }
    }

    @Test func `the account can be read with its token and its keys only`() async throws {
        try await run(configure: { $0.apiKeys = ["SK1": "secret"] }) { twilio in
            #expect(try await send(twilio, .GET, "").body["status"] == "active")
            #expect(try await send(twilio, .GET, "", user: "SK1", secret: "secret").body["sid"]?.string == Self.account)
            #expect(try await send(twilio, .GET, "", user: "SK1", secret: "wrong").status == 401)
            let all = try await send(twilio, .GET, "/2010-04-01/Accounts.json")
            #expect(sids(all, "accounts") == [Self.account])
            #expect(try await send(twilio, .GET, "/2010-04-01/Accounts/AC2/Calls.json").status == 404)
            #expect(try await send(twilio, .PUT, "Calls.json").status == 404)
        }
    }
}
