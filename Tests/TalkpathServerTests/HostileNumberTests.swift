import NIOHTTP1
import TalkpathCore
import TalkpathSimulation
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Extreme numbers in requests, webhooks and settings: the server answers, never traps, and calls go on.
@Suite struct HostileNumberTests {
    /// Answers without a fault of the server.
    private func expectAnswer(_ answer: TestServer.Answer, _ what: String) {
        #expect(answer.status < 500, "\(what): \(answer.status) \(answer.text)")
    }

    @Test func `every number of every body is accepted or refused`() async throws {
        try await TestServer.run(configure: { $0.maximumCalls = 10_000 }) { test async throws in
            let live = try await test.place()
            let hook = try await test.send(.POST, "/api/webhooks", #"{"url":"https://sink.example.test/hook"}"#)
            let webhook = try #require(hook["id"]?.string ?? hook["webhook_id"]?.string, "\(hook.text)")
            let limits =
                #"{"max_duration_s":600,"ring_timeout_s":30,"media_timeout_s":20,"agent_setup_timeout_s":10,"#
                + #""idle_timeout_s":60,"silence_timeout_s":90,"agent_silence_timeout_s":10,"#
                + #""idle_prompt":{"words":"w","times":2,"patience_s":15},"#
                + #""loop_guard":{"warn_score":0.5,"end_score":0.9,"minimum_turns":8,"maximum_turns":40}}"#
            let bodies: [(String, String)] = [
                (
                    "/api/agents",
                    #"{"name":"n","tools":[{"name":"t","url":"https://a.example.test","timeout_ms":5000}],"limits":\#(limits)}"#
                ),
                ("/api/calls", #"{"to":"\#(TestServer.number)","agent":{"limits":\#(limits)},"metadata":{"n":1}}"#),
                ("/api/calls", #"{"to":"\#(TestServer.number)","max_duration_s":600,"ring_timeout_s":30}"#),
                ("/api/calls/\(live)/transfer", #"{"to":"+14155550102","ring_timeout_s":30,"drain_timeout_ms":1000}"#),
                ("/api/calls/nobody/end", #"{"mode":"drain","drain_timeout_ms":1000}"#),
                ("/api/calls/end", #"{"older_than_s":100000,"agent_id":"nobody"}"#),
                ("/api/webhooks/\(webhook)/rotate", #"{"overlap_s":60}"#),
                ("/api/events/dead/replay", #"{"delivery_id":1}"#),
                ("/api/v1/agents/nobody/calls", #"{"to":"\#(TestServer.number)","delay_seconds":60}"#),
            ]
            for (path, body) in bodies {
                for variant in HostileNumbers.variants(of: try JSONValue(parsing: body)) {
                    let text = variant.serializedText()
                    expectAnswer(try await test.send(.POST, path, text), "\(path) \(text)")
                }
            }
            #expect(try await test.send(.GET, "/api/calls/\(live)").status == 200)
            #expect(try await test.send(.POST, "/api/calls/end", #"{"all":true}"#).status == 200)
        }
    }

    @Test func `every number of every query is accepted or refused`() async throws {
        try await TestServer.run { test async throws in
            _ = try await test.place()
            for text in HostileNumbers.texts + ["NaN", ""] {
                for path in [
                    "/api/calls?limit=", "/api/calls?since=", "/api/calls?cursor=", "/api/calls?state=all&cursor=1_",
                    "/api/events/dead?limit=", "/api/events/dead?before=", "/v1/calls?page=", "/v1/calls?size=",
                    "/api/v1/calls?page=", "/api/v1/calls?per_page=", "/v1/calls/list?page=",
                ] {
                    expectAnswer(try await test.send(.GET, path + text), path + text)
                }
                let last = [("Last-Event-ID", text.isEmpty ? "0" : text), ("Accept", "application/json")]
                expectAnswer(
                    try await test.send(.GET, "/api/calls/nobody/events", headers: last),
                    "Last-Event-ID \(text)"
                )
            }
        }
    }

    @Test func `every number of the carrier's forms is accepted or refused`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let common: [String: String] = [
                "CallSid": FakeCarrier.name(call), "AccountSid": "AC1", "From": "+14155550100", "To": TestServer.number,
                "CallStatus": "ringing", "ApiVersion": "2010-04-01",
            ]
            let forms: [(String, [String: String])] = [
                (
                    "/twilio/status",
                    [
                        "SequenceNumber": "1", "CallDuration": "12", "Duration": "1", "SipResponseCode": "200",
                        "QueueTime": "0", "Timestamp": "Sun, 29 Nov 2026 03:00:00 +0000", "ApiVersion": "2010",
                    ]
                ),
                ("/twilio/machine-detection", ["MachineDetectionDuration": "4000"]),
                ("/twilio/stream-status", ["StreamSid": "1", "Timestamp": "1", "StreamEvent": "1"]),
                ("/twilio/voice", ["QueueTime": "1", "StirVerstat": "1"]),
            ]
            for (path, numbers) in forms {
                for name in numbers.keys.sorted() {
                    for text in HostileNumbers.texts + ["NaN", ""] {
                        var form = FormParameters()
                        for (key, value) in common.merging(numbers, uniquingKeysWith: { $1 }).sorted(by: {
                            $0.key < $1.key
                        }) {
                            form.append(key, key == name ? text : value)
                        }
                        let answer = try await test.webhook("\(path)?call_id=\(call)", form)
                        expectAnswer(answer, "\(path) \(name)=\(text)")
                    }
                }
            }
            #expect(try await test.send(.GET, "/api/calls/\(call)").status == 200)
        }
    }

    @Test func `every number in every setting is accepted or refused`() throws {
        let good = [
            "TALKPATH_API_KEYS": "a key of sixteen or more", "TALKPATH_PUBLIC_URL": "https://voice.example.com",
            "OPENAI_API_KEY": "model key", "TWILIO_ACCOUNT_SID": "AC0123", "TWILIO_AUTH_TOKEN": "secret token",
            "TWILIO_FROM_NUMBER": "+14155550100",
        ]
        var refused = 0
        for setting in Setting.allCases {
            for text in HostileNumbers.texts + ["NaN", "inf"] {
                do {
                    let read = try ServerConfiguration.read(environment: good.merging([setting.rawValue: text]) { $1 })
                    // Arithmetic with an accepted value does not overflow.
                    #expect(read.limits.maxDuration * 1000 > .zero && read.drainTimeout * 1000 >= .zero)
                } catch {
                    refused += 1
                }
                var environment = good
                environment[setting.rawValue] = nil
                let file = Array(
                    #"{"\#(setting.rawValue)":\#(text.contains("N") || text == "inf" ? "\"\(text)\"" : text)}"#.utf8
                )
                _ = try? ServerConfiguration.read(environment: environment, file: file)
            }
        }
        #expect(refused > 200)
    }
}
