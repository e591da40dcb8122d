import HTTPTypes
import Hummingbird
import NIOHTTP1
import NIOPosix
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct DocumentTests {
    @Test func `every route is documented and every documented route exists`() async throws {
        try await TestServer.run { test async throws in
            let state = test.server.state
            let router = TalkpathServer.router(state, authenticity: TwilioAuthenticity(state.configuration))
            compare(router)
        }
    }

    private func compare(_ router: Router<ServerContext>) {
        let routes = Set(
            router.routes.map { route in
                let path = "\(route.path)".split(separator: "/").map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : $0 }
                return "\(route.method.rawValue) /\(path.joined(separator: "/"))"
            }
        )
        let documented = Set(APIDocument.operations.map { "\($0.method.rawValue) \($0.path)" })
        #expect(routes.subtracting(documented).sorted() == [], "not documented")
        #expect(documented.subtracting(routes).sorted() == [], "documented only")
        #expect(documented.count == APIDocument.operations.count)
    }

    @Test func `every documented route answers`() async throws {
        try await TestServer.run { test async throws in
            for operation in APIDocument.operations {
                let path = operation.path.replacing(/\{[a-z_]+\}/, with: "none")
                let answer = try await test.send(.init(rawValue: operation.method.rawValue), path, "{}")
                let isNothing = answer["detail"] == "There is no such route"
                #expect(!isNothing && answer.status != 405, "\(operation.method) \(path)")
            }
        }
    }

    @Test func `unknown fields of a query are refused by our own routes only`() async throws {
        try await TestServer.run { test async throws in
            for operation in APIDocument.operations where operation.access == .key {
                let path = operation.path.replacing(/\{[a-z_]+\}/, with: "none")
                let method = NIOHTTP1.HTTPMethod(rawValue: operation.method.rawValue)
                let answer = try await test.send(method, path + "?nmae=1", "{}")
                let isRefused = answer.status == 422 && answer["code"] == "unknown_field"
                #expect(isRefused == operation.refusesUnknownFields, "\(operation.method) \(path): \(answer.text)")
            }
            let twice = try await test.send(.GET, "/api/calls?limit=1&limit=2")
            #expect(twice.status == 422 && twice["code"] == "invalid_field")
            let broken = try await test.send(.GET, "/api/events/dead?limit=%zz")
            #expect(broken.status == 422 || broken.status == 400)
        }
    }

    /// The written event, read back for webhooks and streams.
    @Test func `every event matches its schema`() async throws {
        let recorder = EventRecorder(clock: SystemClock())
        let store = try SQLCallStore(.memory, outbox: recorder, identifiers: SystemIdentifiers())
        var call = EndedCalls.call("one")
        call.status = .failed
        call.agent.id = "desk"
        call.metadata = ["order": 7]
        var live = ServerFolder.liveCall("one")
        live.agent.id = "desk"
        try await store.journal(live)
        let turn = TranscriptEntry(
            speaker: .agent,
            text: "Hello there",
            milliseconds: 900,
            heardMilliseconds: 300,
            producedMilliseconds: 600,
            number: 4
        )
        let kinds: [CallEvent.Kind] = [
            .started, .ringing, .answered, .transcript(turn), .transcriptCorrected(turn), .dtmf, .listenerJoined,
            .toolCalled(name: "stock"), .agentLost(message: "the model's socket was closed (1011)"),
            .agentFailedOver(
                AgentFailover(
                    from: AgentReference(id: "desk", provider: .openai, model: "m"),
                    to: AgentReference(name: "Next", provider: .gemini, model: "g"),
                    reason: "the model's server answered 401"
                )
            ),
            .carrierError(CarrierFault(.stream, code: 31920, "the media socket was not accepted")),
            .responseFailed(status: "failed", code: "rate_limit_exceeded"),
            .transferring, .transferAnswered, .transferFailed(.busy, message: "the other party is busy"),
        ]
        for kind in kinds { recorder.publish(CallEvent(callID: call.id, at: .milliseconds(1200), kind: kind)) }
        try await store.save(call)
        call.analysis = CallAnalysis()
        call.analysis?.sentiment = .positive
        try await store.finishAnalysis(of: call, at: SystemClock().wallTime)
        let recording = EventCatalogue.recording(call.id, at: SystemClock().wallTime)
        _ = try await store.addRecording("/r/one.ogg", of: call.id, at: SystemClock().wallTime, telling: recording)

        let events = try await store.events(of: call.id, after: 0)
        #expect(Set(events.map(\.type)) == Set(EventType.allCases.map(\.rawValue)))
        for event in events {
            let type = try #require(EventType(rawValue: event.type))
            let violation = EventSchemas.envelope(type).violation(of: event.json, isRequest: false)
            #expect(violation == nil, "\(event.type)")
            #expect(event.data["agent_id"] == "desk" && event.data["to_number"]?.string == TestServer.number)
            // An event of another type is refused.
            let other: EventType = type == .ended ? .started : .ended
            #expect(EventSchemas.envelope(other).violation(of: event.json, isRequest: false) != nil)
        }
        let told = events.filter { $0.type == "call.transcript" }.map(\.data)
        #expect(told.map { $0["at_ms"] } == [900, 900] && told.map { $0["heard_ms"] } == [300, 300])
        #expect(told.map { $0["text"] } == ["Hello there", "Hello there"])
        #expect(told.map { $0["heard_text"] } == ["Hello", "Hello"])
        #expect(told.map { $0["turn_id"] } == ["turn-4", "turn-4"] && told.map { $0["cut"] } == [true, true])
        #expect(told.map { $0["corrects"] } == [nil, true])
        for word in ["event_phone_call_started", "event_phone_call_ended"] {
            let json = call.talkoverMessage(word)
            #expect(Schema.named("TalkoverEvent").violation(of: json, isRequest: false) == nil)
        }
        for (word, hasEnded) in [("event_phone_call_connected", false), ("event_phone_call_ended", true)] {
            let json = call.vocodeMessage(word, hasEnded: hasEnded)
            #expect(Schema.named("VocodeEvent").violation(of: json, isRequest: false) == nil)
        }
    }

    @Test func `the document is complete and consistent`() async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(.GET, "/openapi.json", key: nil)
            #expect(answer.status == 200 && answer["openapi"] == "3.1.0")
            let names = Set(answer["components"]?["schemas"]?.object?.map(\.key) ?? [])
            let references = answer.text.matches(of: /"\$ref":"#\/components\/schemas\/([A-Za-z]+)"/).map {
                String($0.1)
            }
            #expect(references.count > 20)
            #expect(Set(references).subtracting(names) == [])
            let ids = APIDocument.operations.map(\.id)
            #expect(Set(ids).count == ids.count)
            for operation in APIDocument.operations {
                let inPath = Set(operation.path.matches(of: /\{([a-z_]+)\}/).map { String($0.1) })
                let described = Set(operation.parameters.filter { $0.place == .path }.map(\.name))
                #expect(inPath == described, "\(operation.path)")
            }
            for code in Problem.Code.allCases { #expect(answer.text.contains(code.rawValue)) }
            for type in EventType.allCases { #expect(answer["webhooks"]?[type.rawValue] != nil) }
            let own = answer["paths"]?["/api/agents"]?["get"]?["responses"]
            #expect(own?["422"] != nil && own?["401"] != nil)
        }
    }

    /// Generators of clients leave out whole models and routes if these rules are broken.
    @Test func `every schema of the document can become a type of a client`() {
        var faults: [String] = []
        func look(at json: JSONValue, _ path: String) {
            if let type = json["type"], json["properties"]?["type"] == nil {
                let types = type.array?.compactMap(\.string) ?? [type.string ?? ""]
                if types.contains("array"), json["items"] == nil { faults.append("\(path): a list of nothing") }
                if types.count > 2 || types.count == 2 && types[1] != "null" {
                    faults.append("\(path): several types")
                }
            }
            if let words = json["enum"]?.array, words.contains(where: \.isNull) || json["type"]?.array != nil {
                faults.append("\(path): null among words")
            }
            // The name of an answer's or a request's schema, not of a member.
            let contents = (json["content"]?.object ?? []).filter { $0.key.contains("/") }
            for (name, content) in contents where content["schema"] == nil {
                faults.append("\(path): \(name) without a schema")
            }
            for (name, value) in json.object ?? [] { look(at: value, "\(path)/\(name)") }
            for (index, value) in (json.array ?? []).enumerated() { look(at: value, "\(path)/\(index)") }
        }
        look(at: APIDocument.json, "")
        #expect(faults == [])
    }

    @Test func `words that several objects share are listed once`() {
        var lists: [String: [String]] = [:]
        func look(at json: JSONValue, _ path: String) {
            if let words = json["enum"]?.array, words.count > 1 {
                lists[words.compactMap(\.string).joined(separator: " "), default: []].append(path)
            }
            for (name, value) in json.object ?? [] { look(at: value, "\(path)/\(name)") }
            for (index, value) in (json.array ?? []).enumerated() { look(at: value, "\(path)/\(index)") }
        }
        look(at: APIDocument.json, "")
        #expect(lists.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] } == [])
        #expect(lists.count > 15)
    }

    @Test func `null in place of a word is refused with the list of words`() {
        let schema = Schema.object(.required("direction", .named("CallDirection")))
        let violation = schema.violation(of: ["direction": .null], isRequest: false)
        #expect(violation?.message == "must be one of outbound, inbound")
        #expect(Schema.any.violation(of: .null) == nil)
    }

    @Test func `only the document may be read by pages of other origins`() async throws {
        try await TestServer.run { test async throws in
            for path in ["/openapi.json", "/health", "/api/calls", "/metrics"] {
                let answer = try await test.send(.GET, path, headers: [("Origin", "https://editor.example")])
                let isOpen = answer.headers["Access-Control-Allow-Origin"] == ["*"]
                #expect(isOpen == (path == "/openapi.json"), "\(path)")
            }
        }
    }

    @Test(arguments: [
        ("DELETE", "/api/calls", "POST, GET, HEAD"), ("GET", "/api/calls/end", "POST"),
        ("PUT", "/api/calls/x", "GET, HEAD, DELETE, PATCH"),
        ("PUT", "/health", "GET, HEAD"), ("GET", "/twilio/voice", "POST"), ("POST", "/v1/calls/query", "GET, HEAD"),
    ])
    func `an unknown method is refused with the allowed ones`(method: String, path: String, allowed: String)
        async throws
    {
        try await TestServer.run { test async throws in
            let answer = try await test.send(.init(rawValue: method), path)
            #expect(answer.status == 405 && answer["code"] == "method_not_allowed")
            let methods = answer.headers["Allow"].first.map { Set($0.split(separator: ", ")) }
            #expect(methods == Set(allowed.split(separator: ", ")))
        }
    }

    // MARK: Schemas

    private static let schema = Schema.object(
        .required("name", .text(1...3)),
        .optional("size", .integer(1...5)),
        .optional("tags", .array(.word("a", "b"), count: 0...2)),
        .optional("more", .oneOf(.boolean, .object(.required("deep", .number(0...1))))),
        .optional("any", .anyObject.atMost(bytes: 10))
    )

    @Test(arguments: [
        #"{"name":"abc"}"#, #"{"name":"üüü","size":null}"#, #"{"name":"a","size":5.0}"#,
        #"{"name":"a","tags":["a","b"],"more":true}"#, #"{"name":"a","more":{"deep":0.5},"any":{"x":null}}"#,
    ])
    func `a value that matches its schema is accepted`(text: String) throws {
        #expect(Self.schema.violation(of: try JSONValue(parsing: text)) == nil)
    }

    @Test(arguments: [
        ("[]", "", "must be an object"), ("{}", "name", "is missing"), (#"{"name":null}"#, "name", "is missing"),
        (#"{"name":""}"#, "name", "must be a text of 1 to 3 characters"),
        (#"{"name":"abcd"}"#, "name", "must be a text of 1 to 3 characters"),
        (#"{"name":"a","nmae":"b"}"#, "nmae", "is not known here"),
        (#"{"name":"a","size":6}"#, "size", "must be a whole number from 1 to 5"),
        (#"{"name":"a","size":1.5}"#, "size", "must be a whole number from 1 to 5"),
        (#"{"name":"a","tags":["a","c"]}"#, "tags[1]", "must be one of a, b"),
        (#"{"name":"a","tags":["a","a","a"]}"#, "tags", "must be a list of at most 2"),
        (#"{"name":"a","more":{"deep":2}}"#, "more.deep", "must be a number from 0.0 to 1.0"),
        (#"{"name":"a","any":{"x":"12345"}}"#, "any", "must have at most 10 bytes"),
    ])
    func `a value that does not match is refused by name`(text: String, path: String, message: String) throws {
        let violation = Self.schema.violation(of: try JSONValue(parsing: text))
        #expect(violation?.path == path && violation?.message == message)
    }
}
