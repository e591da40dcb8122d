import TalkpathWire

/// A call's limits in captures: a missing member gets its default, and `null` means switched off.
extension CallLimits {
    private struct Bound: Sendable {
        var name: String
        nonisolated(unsafe) var path: WritableKeyPath<CallLimits, Duration>
        // Unsafe only in name: the key path of a struct without captured indices never changes.
    }

    private struct Guard: Sendable {
        var name: String
        nonisolated(unsafe) var path: WritableKeyPath<CallLimits, Duration?>
        // As for `Bound`.
    }

    private static let bounds = [
        Bound(name: "max_duration_ms", path: \.maxDuration), Bound(name: "queue_timeout_ms", path: \.queueTimeout),
        Bound(name: "ring_timeout_ms", path: \.ringTimeout),
        Bound(name: "media_timeout_ms", path: \.mediaTimeout),
        Bound(name: "agent_setup_timeout_ms", path: \.agentSetupTimeout),
        Bound(name: "agent_retry_delay_ms", path: \.agentRetryDelay), Bound(name: "end_bound_ms", path: \.endBound),
        Bound(name: "farewell_ms", path: \.goodbye), Bound(name: "drain_timeout_ms", path: \.drainTimeout),
    ]

    private static let guards = [
        Guard(name: "idle_timeout_ms", path: \.idleTimeout), Guard(name: "silence_timeout_ms", path: \.silenceTimeout),
        Guard(name: "agent_silence_timeout_ms", path: \.agentSilenceTimeout),
    ]

    var capturedJSON: JSONValue {
        var json: JSONValue = [
            "agent_attempts": JSONValue(agentAttempts), "machine_detection": .string(machineDetection.rawValue),
            "on_machine": .string(onMachine.rawValue),
        ]
        for bound in Self.bounds { json.set(bound.name, JSONValue(milliseconds: self[keyPath: bound.path])) }
        for watch in Self.guards {
            json.set(watch.name, self[keyPath: watch.path].map(JSONValue.init(milliseconds:)) ?? .null)
        }
        json.set("idle_prompt", idlePrompt?.capturedJSON)
        json.set("loop_guard", loopGuard?.capturedJSON ?? .null)
        return json
    }

    init(capturedJSON json: JSONValue) {
        self.init()
        agentAttempts = json["agent_attempts"]?.int ?? agentAttempts
        machineDetection = json["machine_detection"]?.string.flatMap(MachineDetection.init) ?? machineDetection
        onMachine = json["on_machine"]?.string.flatMap(MachinePolicy.init) ?? onMachine
        for bound in Self.bounds {
            if let duration = json[bound.name]?.duration { self[keyPath: bound.path] = duration }
        }
        for watch in Self.guards {
            if let value = json[watch.name] { self[keyPath: watch.path] = value.duration }
        }
        idlePrompt = json["idle_prompt"].flatMap(IdlePrompt.init(capturedJSON:))
        if let value = json["loop_guard"] { loopGuard = LoopGuardPolicy(capturedJSON: value) }
    }
}

extension IdlePrompt {
    fileprivate var capturedJSON: JSONValue {
        ["words": .string(words), "times": JSONValue(times), "patience_ms": JSONValue(milliseconds: patience)]
    }

    fileprivate init?(capturedJSON json: JSONValue) {
        guard let words = json["words"]?.string else { return nil }
        self.init(words, times: json["times"]?.int ?? 1, patience: json["patience_ms"]?.duration ?? .seconds(15))
    }
}

extension LoopGuardPolicy {
    fileprivate var capturedJSON: JSONValue {
        [
            "warn_score": JSONValue(double: warnScore), "end_score": endScore.map(JSONValue.init(double:)) ?? .null,
            "minimum_turns": JSONValue(minimumTurns), "maximum_turns": maximumTurns.map { JSONValue($0) } ?? .null,
        ]
    }

    fileprivate init?(capturedJSON json: JSONValue) {
        guard json.object != nil else { return nil }
        self.init()
        warnScore = json["warn_score"]?.double ?? warnScore
        endScore = json["end_score"]?.double
        minimumTurns = json["minimum_turns"]?.int ?? minimumTurns
        maximumTurns = json["maximum_turns"]?.int
    }
}
