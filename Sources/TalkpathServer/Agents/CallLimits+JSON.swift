import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The limits and guards of a call, as requests state them. Zero seconds, or `"off"`, switches a guard off.
enum LimitSchemas {
    static let members: [Schema.Member] = [
        // Twilio's own bounds on TimeLimit and Timeout.
        .optional("max_duration_s", .integer(1...14_400).meaning("From the start to the forced end.")),
        .optional("queue_timeout_s", .integer(5...3600).meaning("How long the carrier may queue it before it rings.")),
        .optional("ring_timeout_s", .integer(5...600).meaning("How long it may ring.")),
        .optional("media_timeout_s", .integer(1...120).meaning("From the answer to the carrier's audio.")),
        .optional("agent_setup_timeout_s", .integer(1...60).meaning("Until the model is ready for audio.")),
        .optional(
            "idle_timeout_s",
            .integer(0...3600).meaning("Neither side speaks: `idle_prompt`, if any, then `idle_timeout`. 0: never.")
        ),
        .optional("idle_prompt", .named("IdlePrompt")),
        .optional(
            "silence_timeout_s",
            .integer(0...3600).meaning("The caller's line is dead: `silence_timeout`. 0: never.")
        ),
        .optional(
            "agent_silence_timeout_s",
            .integer(0...600).meaning("The model owes an answer: its socket is opened anew. 0: never.")
        ),
        .optional(
            "machine_detection",
            .named("MachineDetection").meaning("Whether the carrier detects if a person or a machine answers.")
        ),
        .optional("on_machine", .named("MachinePolicy").meaning("The policy for a call that a machine answers.")),
        .optional("loop_guard", .named("LoopGuard")),
    ]

    static let limits = Schema.object(members).meaning("Limits and guards. Omitted members are as configured.")

    static let idlePrompt = Schema.oneOf(
        .text(1...1000),
        .object(
            .required("words", .text(1...1000)),
            .optional("times", .integer(1...20)),
            .optional("patience_s", .integer(1...600))
        )
    ).meaning("The instruction for the agent's words when neither side has spoken.")

    static let loopGuard = Schema.oneOf(
        .word("off"),
        .object(
            .optional("warn_score", .number(0...1)),
            .optional("end_score", .number(0...1).meaning("1 warns only.")),
            .optional("minimum_turns", .integer(1...10_000)),
            .optional("maximum_turns", .integer(1...100_000))
        )
    ).meaning("When two agents that talk in circles are stopped.")
}

extension CallLimits {
    /// - Parameter json: an object with the members of ``LimitSchemas/members``, and possibly others.
    mutating func apply(_ json: JSONValue) {
        func seconds(_ name: String) -> Duration? { json[name]?.int.map { .seconds($0) } }
        func guardSeconds(_ name: String, _ path: inout Duration?) {
            if let duration = seconds(name) { path = duration == .zero ? nil : duration }
        }
        if let value = seconds("max_duration_s") { maxDuration = value }
        if let value = seconds("queue_timeout_s") { queueTimeout = value }
        if let value = seconds("ring_timeout_s") { ringTimeout = value }
        if let value = seconds("media_timeout_s") { mediaTimeout = value }
        if let value = seconds("agent_setup_timeout_s") { agentSetupTimeout = value }
        guardSeconds("idle_timeout_s", &idleTimeout)
        guardSeconds("silence_timeout_s", &silenceTimeout)
        guardSeconds("agent_silence_timeout_s", &agentSilenceTimeout)
        if let prompt = json["idle_prompt"].flatMap(IdlePrompt.init(json:)) { idlePrompt = prompt }
        if let detection = json["machine_detection"]?.string.flatMap(MachineDetection.init) {
            machineDetection = detection
        }
        if let policy = json["on_machine"]?.string.flatMap(MachinePolicy.init) { onMachine = policy }
        if let policy = json["loop_guard"], !policy.isNull { loopGuard = LoopGuardPolicy(json: policy) }
    }
}

extension IdlePrompt {
    fileprivate init?(json: JSONValue) {
        guard let words = json.string ?? json["words"]?.string else { return nil }
        self.init(words)
        if let number = json["times"]?.int { times = number }
        if let seconds = json["patience_s"]?.int { patience = .seconds(seconds) }
    }
}

extension LoopGuardPolicy {
    fileprivate init?(json: JSONValue) {
        guard json.object != nil else { return nil }
        self.init()
        if let score = json["warn_score"]?.double { warnScore = score }
        if let score = json["end_score"]?.double { endScore = score < 1 ? score : nil }
        if let turns = json["minimum_turns"]?.int { minimumTurns = turns }
        if let turns = json["maximum_turns"]?.int { maximumTurns = turns }
    }
}
