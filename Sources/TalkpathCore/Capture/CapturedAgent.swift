import TalkpathAudio
import TalkpathWire

/// An agent in captures: every setting that changes a session's behaviour, but no key, number, address or header.
/// Members that are missing in a capture get their defaults.
extension AgentProfile {
    /// Stands for every number, because a replay places no call.
    private static let anyNumber = "+10000000000"

    var capturedJSON: JSONValue {
        var json: JSONValue = [
            "provider": .string(provider.rawValue), "model": .string(model), "format": .string(format.rawValue),
            "instructions": .string(instructions), "may_end_call": .bool(mayEndCall),
            "connect_policy": .string(connectPolicy.rawValue), "tools": .array(tools.map(\.capturedJSON)),
            "endpoints": .array(endpoints.map(\.tool.capturedJSON)),
            "transfer_targets": .array(transferTargets.map(\.capturedJSON)),
            "may_send_digits": .bool(maySendDigits), "hears_digits": .bool(hearsDigits),
            "keys_interrupt": .bool(keysInterrupt),
            "caller_may_keep_call": .bool(callerMayKeepCall), "greeting_policy": .string(greetingPolicy.rawValue),
            "barge_in": .string(bargeIn.rawValue), "resampler": .string(resampler.description),
        ]
        json.set("voice", voice.map(JSONValue.string))
        if provider == .socket { json.set("socket_rate", JSONValue(socketRate)) }
        json.set("first_message", firstMessage.map(JSONValue.string))
        json.set(
            "renewal",
            renewal.map {
                [
                    "quiet_after_ms": JSONValue(milliseconds: $0.quietAfter),
                    "at_latest_ms": JSONValue(milliseconds: $0.atLatest),
                ]
            }
        )
        json.set("fallback", fallback?.capturedJSON)
        if !failover.isEmpty { json.set("failover", .array(failover.map(\.capturedJSON))) }
        // Of the servers, addresses and tokens are left out; of the overlay, everything: anything may stand in it.
        var openAI = openAI
        openAI.mcpServers = []
        if !openAI.isEmpty { json.set("openai", openAI.json) }
        if !gemini.isEmpty { json.set("gemini", gemini.json) }
        if !live.isEmpty { json.set("openai_live", live.json) }
        return json
    }

    init?(capturedJSON json: JSONValue) {
        guard let provider = AgentProvider(rawValue: json["provider"]?.string ?? ""),
            let model = json["model"]?.string, let format = Format(rawValue: json["format"]?.string ?? "")
        else { return nil }
        self.init(
            provider: provider,
            model: model,
            apiKey: "",
            voice: json["voice"]?.string,
            format: format,
            instructions: json["instructions"]?.string ?? "",
            firstMessage: json["first_message"]?.string,
            tools: (json["tools"]?.array ?? []).map(AgentTool.init(capturedJSON:)),
            mayEndCall: json["may_end_call"]?.bool ?? true,
            connectPolicy: ConnectPolicy(rawValue: json["connect_policy"]?.string ?? "") ?? .onRinging
        )
        endpoints = (json["endpoints"]?.array ?? []).map { ToolEndpoint(tool: AgentTool(capturedJSON: $0), url: "") }
        transferTargets = (json["transfer_targets"]?.array ?? []).compactMap {
            TransferTarget(capturedJSON: $0, number: Self.anyNumber)
        }
        if let rate = json["socket_rate"]?.int, [8000, 16_000, 24_000].contains(rate) { socketRate = rate }
        maySendDigits = json["may_send_digits"]?.bool ?? maySendDigits
        hearsDigits = json["hears_digits"]?.bool ?? hearsDigits
        keysInterrupt = json["keys_interrupt"]?.bool ?? keysInterrupt
        // In captures older than this setting, the caller could not keep the call.
        callerMayKeepCall = json["caller_may_keep_call"]?.bool ?? false
        greetingPolicy = json["greeting_policy"]?.string.flatMap(GreetingPolicy.init) ?? greetingPolicy
        resampler = json["resampler"]?.string.flatMap(ResamplerEngine.init) ?? resampler
        bargeIn = json["barge_in"]?.string.flatMap(BargeIn.init) ?? bargeIn
        if let quiet = json["renewal"]?["quiet_after_ms"]?.duration,
            let latest = json["renewal"]?["at_latest_ms"]?.duration
        {
            renewal = AgentRenewal(quietAfter: quiet, atLatest: latest)
        }
        openAI = json["openai"].map(OpenAIOptions.init(json:)) ?? openAI
        gemini = json["gemini"].map(GeminiOptions.init(json:)) ?? gemini
        live = json["openai_live"].map(OpenAILiveOptions.init(json:)) ?? live
        fallback = json["fallback"].map { AgentFallback(capturedJSON: $0, number: Self.anyNumber) }
        let next = json["failover"]?.array ?? []
        failover = next.compactMap(AgentProfile.init(capturedJSON:))
        // A list with a hole in it would replay another call.
        guard failover.count == next.count else { return nil }
    }
}

extension AgentTool {
    fileprivate var capturedJSON: JSONValue {
        var json: JSONValue = [
            "name": .string(name), "description": .string(description), "parameters": .string(parameters),
        ]
        json.set("behavior", behavior.map { .string($0.rawValue) })
        json.set("scheduling", scheduling.map { .string($0.rawValue) })
        return json
    }

    fileprivate init(capturedJSON json: JSONValue) {
        self.init(
            name: json["name"]?.string ?? "",
            description: json["description"]?.string ?? "",
            parameters: json["parameters"]?.string ?? "{}"
        )
        behavior = json["behavior"]?.string.flatMap(Behavior.init)
        scheduling = json["scheduling"]?.string.flatMap(Scheduling.init)
    }
}

extension AgentFallback {
    fileprivate var capturedJSON: JSONValue {
        var json: JSONValue = ["transfers": .bool(transferTo != nil)]
        json.set("words", words.map(JSONValue.string))
        json.set("language", language.map(JSONValue.string))
        json.set(
            "clip",
            clip.map {
                [
                    "encoding": .string($0.format.encoding.rawValue), "rate": JSONValue($0.format.sampleRate),
                    "audio": .string(TalkpathCrypto.base64($0.bytes)),
                ]
            }
        )
        return json
    }

    fileprivate init(capturedJSON json: JSONValue, number: String) {
        self.init(
            words: json["words"]?.string,
            language: json["language"]?.string,
            transferTo: json["transfers"]?.bool == true ? number : nil
        )
        guard let stored = json["clip"], let rate = stored["rate"]?.int,
            let encoding = AudioFormat.Encoding(rawValue: stored["encoding"]?.string ?? ""),
            let bytes = stored["audio"]?.string.flatMap(CaptureEvent.bytes(ofBase64:))
        else { return }
        clip = try? AudioClip(format: AudioFormat(encoding: encoding, sampleRate: rate), bytes: bytes)
    }
}

extension TransferTarget {
    /// The name alone, unless the target has another plan than the default for a call that is not answered.
    fileprivate var capturedJSON: JSONValue {
        switch onFailure {
        case .returnToAgent: return .string(name)
        case .hangUp: return ["name": .string(name), "on_failure": "hang_up"]
        case .sayGoodbye(let words, let language):
            var json: JSONValue = ["name": .string(name), "on_failure": "say_goodbye", "goodbye": .string(words)]
            json.set("language", language.map(JSONValue.string))
            return json
        }
    }

    fileprivate init?(capturedJSON json: JSONValue, number: String) {
        guard let name = json.string ?? json["name"]?.string else { return nil }
        self.init(name: name, number: number)
        switch json["on_failure"]?.string {
        case "hang_up": onFailure = .hangUp
        case "say_goodbye": onFailure = .sayGoodbye(json["goodbye"]?.string ?? "", language: json["language"]?.string)
        default: break
        }
    }
}
