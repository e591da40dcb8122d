import AsyncHTTPClient
import NIOCore
import TalkpathNIO
import TalkpathWire

/// Asks an endpoint with OpenAI's Realtime protocol for every feature that the bridge may use, one after another, and
/// notes the unsupported ones.
struct RealtimeProbe {
    struct Finding {
        enum Outcome {
            case does
            /// The endpoint accepts the request, but its answer does not hold the setting.
            case ignores
            case refuses(String)
            case silent
        }

        var name: String
        /// True if calls are impossible without it.
        var isNeeded: Bool
        var outcome: Outcome

        var isGood: Bool { if case .does = outcome { true } else { false } }

        var words: String {
            switch outcome {
            case .does: "yes"
            case .ignores: "ignored: what it answers does not hold it"
            case .refuses(let why): "refused: \(why)"
            case .silent: "no answer in time"
            }
        }
    }

    let target: WebSocketTarget
    let patience: Duration
    private(set) var findings: [Finding] = []

    init(target: WebSocketTarget, patience: Duration = .seconds(8)) {
        self.target = target
        self.patience = patience
    }

    /// - Throws: if the socket cannot be opened.
    mutating func run() async throws {
        let loop = HTTPClient.defaultEventLoopGroup.any()
        let (messages, queue) = AsyncStream<ProbeMessage>.makeStream()
        let connection = try await WebSocketClient.connect(
            url: target.url,
            headers: target.headers.map { ($0.name, $0.value) },
            eventLoop: loop
        ) { ProbeConsumer(queue: queue) }
        let talk = ProbeTalk(connection: connection, messages: messages, patience: patience)
        await ask(talk)
        await talk.end()
    }

    private mutating func note(_ name: String, isNeeded: Bool = false, _ outcome: Finding.Outcome) {
        findings.append(Finding(name: name, isNeeded: isNeeded, outcome: outcome))
    }

    private mutating func ask(_ talk: ProbeTalk) async {
        let created = await talk.next { $0["type"]?.string == "session.created" }
        note("greets with session.created", isNeeded: true, created == nil ? .silent : .does)
        guard created != nil else { return }
        for setting in ProbeSetting.all {
            note(setting.name, isNeeded: setting.isNeeded, await outcome(of: setting, talk))
        }
        await unknown(talk)
        await speak(talk)
        await cancel(talk)
    }

    private func outcome(of setting: ProbeSetting, _ talk: ProbeTalk) async -> Finding.Outcome {
        guard var session = try? JSONValue(parsing: setting.session) else { return .silent }
        session.set("type", "realtime")
        let id = await talk.send(["type": "session.update", "session": session])
        let answer = await talk.next { $0["type"]?.string == "session.updated" || $0.isError(about: id) }
        guard let answer else { return .silent }
        guard answer["type"]?.string == "session.updated" else { return .refuses(answer.errorWords) }
        let shown = setting.path.reduce(answer["session"]) { $0?[$1] }
        let wanted = setting.path.reduce(session as JSONValue?) { $0?[$1] }
        return wanted.map { $0.isHeld(in: shown) } ?? true ? .does : .ignores
    }

    /// Checks that an error reports an unknown option, and names it. Otherwise a misspelt option would go unnoticed.
    private mutating func unknown(_ talk: ProbeTalk) async {
        let id = await talk.send(["type": "session.update", "session": ["type": "realtime", "no_such_option": 1]])
        let answer = await talk.next { $0["type"]?.string == "session.updated" || $0["type"]?.string == "error" }
        let name = "refuses an unknown option, naming it and the event"
        switch answer {
        case nil: note(name, .silent)
        case let answer? where answer["type"]?.string == "session.updated": note(name, .ignores)
        case let answer?:
            let isNamed = answer["error"]?["param"]?.string?.contains("no_such_option") == true
            let isOurs = answer["error"]?["event_id"]?.string == id
            note(name, isNamed && isOurs ? .does : .refuses("without \(isNamed ? "our event_id" : "its name")"))
        }
    }

    private mutating func speak(_ talk: ProbeTalk) async {
        let item: JSONValue = [
            "type": "message", "role": "user", "content": [["type": "input_text", "text": "Say: one, two, three."]],
        ]
        _ = await talk.send(["type": "conversation.item.create", "item": item])
        _ = await talk.send(["type": "response.create"])
        let first = await talk.next {
            $0["type"]?.string == "response.output_audio.delta" || $0["type"]?.string == "error"
        }
        guard let first, first["type"]?.string != "error" else {
            note("speaks when asked", isNeeded: true, first.map { .refuses($0.errorWords) } ?? .silent)
            return
        }
        note("speaks when asked", isNeeded: true, .does)
        let isNamed = first["item_id"]?.string != nil && first["content_index"]?.int != nil
        note("names item and part of its audio", isNeeded: true, isNamed ? .does : .ignores)
        let words = await talk.next {
            $0["type"]?.string?.hasPrefix("response.output_audio_transcript.") == true
        }
        note("writes down what it says", words == nil ? .silent : .does)
        let done = await talk.next { $0["type"]?.string == "response.done" }
        note("says when an answer is over", isNeeded: true, done == nil ? .silent : .does)
        let usage = done?["response"]?["usage"]
        note("counts tokens", usage?["total_tokens"]?.int == nil ? .silent : .does)
        note("counts audio and text apart", usage?["output_token_details"]?["audio_tokens"] == nil ? .silent : .does)
        let truncation: JSONValue = [
            "type": "conversation.item.truncate", "item_id": first["item_id"] ?? .null,
            "content_index": first["content_index"] ?? 0, "audio_end_ms": 1,
        ]
        let id = await talk.send(truncation)
        let answer = await talk.next {
            $0["type"]?.string == "conversation.item.truncated" || $0.isError(about: id)
        }
        note(
            "forgets what was not heard (truncate)",
            answer.map { $0["type"]?.string == "error" ? .refuses($0.errorWords) : .does } ?? .silent
        )
    }

    private mutating func cancel(_ talk: ProbeTalk) async {
        _ = await talk.send(["type": "response.create"])
        guard await talk.next({ $0["type"]?.string == "response.created" }) != nil else {
            note("stops when told", .silent)
            return
        }
        let id = await talk.send(["type": "response.cancel"])
        let answer = await talk.next { $0["type"]?.string == "response.done" || $0.isError(about: id) }
        note(
            "stops when told",
            answer.map { $0["type"]?.string == "error" ? .refuses($0.errorWords) : .does } ?? .silent
        )
    }
}

/// A setting that the bridge may ask a session for.
struct ProbeSetting {
    var name: String
    var isNeeded = false
    /// A JSON object.
    var session: String
    /// The setting's place in the answer.
    var path: [String]

    static let all = [
        ProbeSetting(
            name: "linear audio at 24 kHz",
            isNeeded: true,
            session: #"""
                {"output_modalities":["audio"],"instructions":"Be brief.","audio":{
                 "input":{"format":{"type":"audio/pcm","rate":24000},"turn_detection":{"type":"server_vad"}},
                 "output":{"format":{"type":"audio/pcm","rate":24000}}}}
                """#,
            path: ["audio", "output", "format"]
        ),
        ProbeSetting(
            name: "the telephone's own µ-law (format pcmu)",
            session: #"""
                {"audio":{"input":{"format":{"type":"audio/pcmu"}},"output":{"format":{"type":"audio/pcmu"}}}}
                """#,
            path: ["audio", "output", "format"]
        ),
        ProbeSetting(
            name: "turn_detection server_vad with its numbers",
            session: #"""
                {"audio":{"input":{"turn_detection":{"type":"server_vad","threshold":0.6,"prefix_padding_ms":200,
                 "silence_duration_ms":400,"create_response":true,"interrupt_response":true}}}}
                """#,
            path: ["audio", "input", "turn_detection"]
        ),
        ProbeSetting(
            name: "turn_detection server_vad with idle_timeout_ms",
            session: #"{"audio":{"input":{"turn_detection":{"type":"server_vad","idle_timeout_ms":30000}}}}"#,
            path: ["audio", "input", "turn_detection"]
        ),
        ProbeSetting(
            name: "turn_detection semantic_vad",
            session: #"{"audio":{"input":{"turn_detection":{"type":"semantic_vad","eagerness":"high"}}}}"#,
            path: ["audio", "input", "turn_detection"]
        ),
        ProbeSetting(
            name: "noise_reduction",
            session: #"{"audio":{"input":{"noise_reduction":{"type":"near_field"}}}}"#,
            path: ["audio", "input", "noise_reduction"]
        ),
        ProbeSetting(
            name: "transcription",
            session: #"{"audio":{"input":{"transcription":{"model":"gpt-transcribe"}}}}"#,
            path: ["audio", "input", "transcription"]
        ),
        ProbeSetting(
            name: "transcription with languages and keywords",
            session: #"""
                {"audio":{"input":{"transcription":{"model":"gpt-transcribe","languages":["en","de"],
                 "keywords":["Talkpath"]}}}}
                """#,
            path: ["audio", "input", "transcription"]
        ),
        ProbeSetting(
            name: "speed",
            session: #"{"audio":{"output":{"speed":1.1}}}"#,
            path: ["audio", "output", "speed"]
        ),
        ProbeSetting(
            name: "functions",
            session: #"{"tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"}}]}"#,
            path: ["tools"]
        ),
        ProbeSetting(name: "tool_choice", session: #"{"tool_choice":"none"}"#, path: ["tool_choice"]),
        ProbeSetting(name: "max_output_tokens", session: #"{"max_output_tokens":400}"#, path: ["max_output_tokens"]),
        ProbeSetting(
            name: "truncation",
            session: #"{"truncation":{"type":"retention_ratio","retention_ratio":0.8}}"#,
            path: ["truncation"]
        ),
        ProbeSetting(name: "reasoning.effort", session: #"{"reasoning":{"effort":"low"}}"#, path: ["reasoning"]),
        ProbeSetting(
            name: "parallel_tool_calls",
            session: #"{"parallel_tool_calls":true}"#,
            path: ["parallel_tool_calls"]
        ),
        ProbeSetting(name: "tracing", session: #"{"tracing":"auto"}"#, path: ["tracing"]),
    ]
}

extension JSONValue {
    fileprivate func isError(about event: String) -> Bool {
        guard self["type"]?.string == "error" else { return false }
        // Some services do not say which event an error is about.
        guard let id = self["error"]?["event_id"]?.string else { return true }
        return id == event
    }

    /// The provider's error message, made safe for a terminal.
    fileprivate var errorWords: String {
        let error = self["error"]
        let parameter = error?["param"]?.string.map { " (\($0))" } ?? ""
        let words = (error?["message"]?.string ?? error?["code"]?.string ?? "error") + parameter
        let plain = words.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }
        return String(String.UnicodeScalarView(plain.prefix(300)))
    }

    /// True if another value holds all members of this one. It may hold more.
    fileprivate func isHeld(in other: JSONValue?) -> Bool {
        guard let other else { return false }
        switch (self, other) {
        case (.object(let members), .object): return members.allSatisfy { $0.value.isHeld(in: other[$0.key]) }
        case (.array(let mine), .array(let theirs)):
            return mine.count == theirs.count && zip(mine, theirs).allSatisfy { $0.isHeld(in: $1) }
        case (.number(let mine), .number(let theirs)): return mine.double == theirs.double
        default: return self == other
        }
    }
}
