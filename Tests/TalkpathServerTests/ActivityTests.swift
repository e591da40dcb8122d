import AsyncHTTPClient
import NIOCore
import NIOHTTP1
@testable import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Streams of live calls' activity.
@Suite(.timeLimit(.minutes(5))) struct ActivityTests {
    /// Messages of a stream, in their order.
    private struct Messages {
        struct Message {
            var name: String
            var data: JSONValue
        }

        private var parts: HTTPClientResponse.Body.AsyncIterator
        private var text = ""

        init(_ test: TestServer, _ path: String, key: String = TestServer.key) async throws {
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(test.server.port)\(path)")
            request.headers.add(name: "Authorization", value: "Bearer \(key)")
            request.headers.add(name: "Accept", value: "text/event-stream")
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
            try #require(response.headers["Content-Type"] == ["text/event-stream; charset=utf-8"])
            parts = response.body.makeAsyncIterator()
        }

        /// The next message; nil at the stream's end.
        mutating func next() async throws -> Message? {
            while true {
                if let end = text.firstRange(of: "\n\n") {
                    let lines = text[..<end.lowerBound].split(separator: "\n")
                    text = String(text[end.upperBound...])
                    func field(_ name: String) -> String? {
                        lines.first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.count + 2)) }
                    }
                    guard let name = field("event"), let data = field("data") else { continue }
                    return Message(name: name, data: try JSONValue(parsing: data))
                }
                guard let part = try await parts.next() else { return nil }
                text += String(buffer: part)
            }
        }

        /// The next message of that name.
        mutating func next(_ name: String) async throws -> JSONValue {
            while let message = try await next() { if message.name == name { return message.data } }
            throw StreamEnded(waitingFor: name)
        }

        mutating func rest() async throws -> [Message] {
            var rest: [Message] = []
            while let message = try await next() { rest.append(message) }
            return rest
        }

        private struct StreamEnded: Error { var waitingFor: String }
    }

    @Test func `a follower of the list gets the begin, the changes and the end of each call`() async throws {
        try await TestServer.run { test async throws in
            var messages = try await Messages(test, "/api/activity")
            #expect(try await messages.next("calls")["calls"]?.array?.isEmpty == true)
            let call = try await test.place()
            _ = try await test.place(key: TestServer.otherKey)
            let began = try await messages.next("call")
            #expect(began["call_id"]?.string == call.text)
            #expect(Schema.named("WatchedCall").violation(of: began, isRequest: false) == nil)
            try await test.progress("in-progress", of: call)
            var status = began["status"]
            while status != "in_progress" { status = try await messages.next("call")["status"] }
            _ = try await test.end(call)
            let ended = try await messages.next("ended")
            // No message of the other tenant's call has come.
            #expect(ended["call_id"]?.string == call.text && ended["ended_reason"] == "ended_by_api")
        }
    }

    @Test func `a follower of a call gets it from its beginning to its receipt`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            try await test.progress("ringing", of: call)
            // A late follower gets the earlier moments, too.
            var messages = try await Messages(test, "/api/calls/\(call)/activity")
            let first = try await messages.next()
            #expect(first?.name == "call" && first?.data["call_id"]?.string == call.text)
            let now = try await messages.next("now")
            #expect(Schema.named("CallActivity").violation(of: now, isRequest: false) == nil)
            try await test.progress("in-progress", of: call)
            var kinds: [String] = []
            while kinds.last != "answered" { kinds.append(try await messages.next("moment")["kind"]?.string ?? "") }
            #expect(kinds == ["answered"] || kinds.first == "started" || kinds.first == "ringing")
            _ = try await test.end(call)
            let rest = try await messages.rest()
            #expect(rest.last?.name == "end")
            #expect(rest.last { $0.name == "moment" }?.data["kind"] == "ended")
            #expect(rest.last { $0.name == "call" }?.data["receipt"]?["ended_reason"] == "ended_by_api")
            // A follower that reconnects gets the whole again.
            var again = try await Messages(test, "/api/calls/\(call)/activity")
            let all = try await again.rest()
            let told = all.filter { $0.name == "moment" }.compactMap { $0.data["kind"]?.string }
            #expect(told.prefix(3) == ["started", "ringing", "answered"] && told.last == "ended")
            #expect(all.last?.name == "end")
        }
    }

    @Test func `the moments of an ended call have no words`() {
        let book = ActivityBook()
        let call = CallID("one")
        func publish(_ kind: CallEvent.Kind) { book.publish(CallEvent(callID: call, at: .zero, kind: kind)) }
        publish(.started)
        publish(.transcript(TranscriptEntry(speaker: .caller, text: "Hello", milliseconds: 1, number: 1)))
        publish(.dtmf)
        #expect(book.moments(of: call).map(\.number) == [1, 2, 3])
        #expect(book.moments(of: call, after: 2).map(\.number) == [3])
        publish(.ended(EndedCalls.call("one").receipt!))
        #expect(book.moments(of: call).map(\.number) == [1, 3, 4])
        book.delete(call)
        #expect(book.moments(of: call).isEmpty)
    }

    @Test func `the kept activity is bounded`() {
        let book = ActivityBook(mostMoments: 8, mostEnded: 2)
        for number in 0..<100 {
            let call = CallID("call \(number % 4)")
            book.publish(CallEvent(callID: call, at: .milliseconds(number), kind: .dtmf))
        }
        let kept = book.moments(of: CallID("call 0"))
        #expect(kept.count <= 8 && kept.last?.number == 25)
        for number in 0..<4 {
            let call = CallID("call \(number)")
            book.publish(CallEvent(callID: call, at: .zero, kind: .ended(EndedCalls.call("one").receipt!)))
        }
        #expect(book.moments(of: CallID("call 1")).isEmpty && !book.moments(of: CallID("call 3")).isEmpty)
    }

    @Test func `a follower is woken for its own call only`() async {
        let book = ActivityBook()
        let (all, one) = (Bell(), Bell())
        let (first, second) = (book.watch(waking: all), book.watch(CallID("one"), waking: one))
        book.publish(CallEvent(callID: CallID("two"), at: .zero, kind: .dtmf))
        #expect(book.touched(by: first) == [CallID("two")] && book.touched(by: second).isEmpty)
        book.publish(CallEvent(callID: CallID("one"), at: .zero, kind: .dtmf))
        #expect(book.touched(by: first) == [CallID("one")] && book.touched(by: second) == [CallID("one")])
        book.forget(first)
        #expect(book.touched(by: first).isEmpty)
    }

    // MARK: Listening

    @Test func `a listener hears both sides in real time and the record has the listener`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let token = try await test.streamToken(of: call)
            let phone = try await test.mediaSocket()
            phone.start(call: FakeCarrier.name(call), token: token)
            var messages = try await Messages(test, "/api/calls/\(call)/listen")
            let payloads = (0..<5).map { number in
                TalkpathCrypto.base64((0..<160).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number) })
            }
            for (number, payload) in payloads.enumerated() {
                phone.send(
                    #"{"event":"media","sequenceNumber":"\#(number + 2)","streamSid":"MZ1","#
                        + #""media":{"track":"inbound","chunk":"\#(number + 1)","timestamp":"\#(number * 20)","#
                        + #""payload":"\#(payload)"}}"#
                )
            }
            var heard: [String] = []
            while heard.count < payloads.count {
                let audio = try await messages.next("audio")
                heard += (audio["caller"]?.array ?? []).compactMap(\.string)
                #expect(audio["missing_bytes"] == nil)
            }
            #expect(heard == payloads)
            _ = try await test.end(call)
            #expect(try await messages.rest().last?.name == "end")
            let seen = try await test.send(.GET, "/api/calls/\(call)/activity")
            #expect(seen["moments"]?.array?.contains { $0["kind"] == "listener_joined" } == true)
            let events = try await test.send(.GET, "/api/calls/\(call)/events")
            #expect(events.text.contains("event: call.listened\n"))
            #expect(try await test.send(.GET, "/api/calls/\(call)/listen").status == 409)
        }
    }

    @Test func `another tenant's call cannot be listened to`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            #expect(try await test.send(.GET, "/api/calls/\(call)/listen", key: TestServer.otherKey).status == 404)
            #expect(try await test.send(.GET, "/api/calls/\(call)/listen", key: nil).status == 401)
        }
    }

    @Test func `audio that the caller will not hear is taken back from listeners`() {
        func record(_ kind: TapKind, lost: UInt64 = 0) -> TapRecord {
            TapRecord(
                instant: MonotonicInstant(nanoseconds: 0),
                lostBytes: lost,
                lostRecords: 0,
                byteCount: 0,
                kind: kind
            )
        }
        var piece = ListeningStream.Piece()
        func add(_ kind: TapKind, _ text: String, lost: UInt64 = 0) {
            piece.add(record(kind, lost: lost), Array(text.utf8).span.bytes)
        }
        #expect(piece.json == nil)
        add(.toTelephony, #"{"event":"media","streamSid":"MZ1","media":{"payload":"AA=="}}"#)
        add(.toTelephony, #"{"event":"mark","streamSid":"MZ1","mark":{"name":"tp-0-1"}}"#)
        add(.fromTelephony, #"{"event":"media","media":{"payload":"/w=="}}"#)
        add(.fromTelephony, "no JSON at all", lost: 7)
        #expect(piece.json == ["caller": ["/w=="], "agent": ["AA=="], "missing_bytes": 7])
        add(.toTelephony, #"{"event":"clear","streamSid":"MZ1"}"#)
        add(.toTelephony, #"{"event":"media","streamSid":"MZ1","media":{"payload":"AQ=="}}"#)
        #expect(piece.json == ["caller": ["/w=="], "agent": ["AQ=="], "cleared": true, "missing_bytes": 7])
    }

    // MARK: The server

    @Test func `the server reports its settings to the operator and hides every secret`() async throws {
        try await TestServer.run(configure: { configuration in
            configuration.notifications.webhook = .init(
                url: "https://hooks.test/path-secret",
                secret: "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
            )
        }) { test async throws in
            let answer = try await test.send(.GET, "/api/server")
            #expect(answer.status == 200 && answer["readiness"] == "ready")
            let settings = try #require(answer["settings"]?.array)
            func value(_ name: String) -> JSONValue? { settings.first { $0["name"]?.string == name }?["value"] }
            #expect(value("TALKPATH_API_KEYS") == "set" && value("TWILIO_AUTH_TOKEN") == "set")
            #expect(value("TALKPATH_ALLOWED_DESTINATIONS") == "+1415" && value("TALKPATH_TLS_KEY") == "none")
            for secret in [
                TestServer.key, TestServer.otherKey, TestServer.authToken, "model key", "path-secret", "c2VjcmV0",
            ] {
                #expect(!answer.text.contains(secret), "\(secret)")
            }
            let theirs = try await test.send(.GET, "/api/server", key: TestServer.otherKey)
            #expect(theirs["settings"]?.isNull == true && theirs["open_connections"]?.isNull == true)
            #expect(try await test.send(.GET, "/api/server", key: nil).status == 401)
        }
    }
}
