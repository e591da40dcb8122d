import TalkpathAudio

/// All guards of one call. Each is small and knows nothing of the others; here they are told what happens.
///
/// Pure: instants are passed in, nothing is carried out. Those that count time are asked every 20 ms by
/// ``watch(_:at:)``, the loop guard judges turn by turn.
struct CallGuards: Equatable, Sendable {
    enum Verdict: Equatable, Sendable {
        case end(EndReason, note: String?)
        /// Ask the agent to say this, as neither side has spoken for so long.
        case prompt(String)
        /// The agent is to be asked for the answer that the caller waits for.
        case askAgent
        /// The model's socket is open and no answer comes.
        case agentIsSilent
        case loopSuspected(score: Double)
    }

    /// The line as it stands.
    struct Line: Equatable, Sendable {
        var lastAudio: MonotonicInstant?
        var lastSound: MonotonicInstant?
        var isCallerSpeaking = false
        /// Something of the agent's has been sent that the caller has not heard to its end.
        var isAgentHeard = false
        var isAgentReady = false
        var isCallerMuted = false
        /// The instant of the model's last message.
        var lastAgentMessage: MonotonicInstant?
    }

    private var idle: IdleGuard?
    private var silence: SilenceGuard?
    var agent: AgentSilenceGuard?
    private(set) var loop: LoopGuard?
    private var hasPressedKey = false
    private var callerPause = CallerPause()

    init(limits: CallLimits) {
        idle = limits.idleTimeout.map { IdleGuard(timeout: $0, prompt: limits.idlePrompt) }
        silence = limits.silenceTimeout.map { SilenceGuard(timeout: $0) }
        agent = limits.agentSilenceTimeout.map { AgentSilenceGuard(timeout: $0) }
        loop = limits.loopGuard.map { LoopGuard(policy: $0) }
    }

    /// The caller has been away, with another party: what counts time begins anew.
    mutating func callerReturned() {
        idle = idle.map { IdleGuard(timeout: $0.timeout, prompt: $0.prompt) }
        silence = silence.map { SilenceGuard(timeout: $0.timeout) }
    }

    /// The caller has pressed a key: not a word, but a sign of life.
    mutating func keyPressed() {
        hasPressedKey = true
    }

    /// Every 20 ms while the call is live, answered and has media.
    mutating func watch(_ line: Line, at now: MonotonicInstant) -> Verdict? {
        callerPause.watch(isCallerSpeaking: line.isCallerSpeaking, isAgentHeard: line.isAgentHeard, at: now)
        let isActive = line.isCallerSpeaking || hasPressedKey
        hasPressedKey = false
        let isAtWork = agent?.isWorking(at: now) ?? false
        let idleVerdict = idle?.watch(
            isCallerActive: isActive,
            isAgentActive: line.isAgentHeard || isAtWork,
            at: now
        )
        let deadLine = silence?.watch(
            lastAudio: line.lastAudio,
            lastSound: line.lastSound,
            isAgentHeard: line.isAgentHeard,
            at: now
        )
        let patience = agent?.watch(
            isAgentReady: line.isAgentReady,
            isCallerMuted: line.isCallerMuted,
            isAgentHeard: line.isAgentHeard,
            lastMessage: line.lastAgentMessage,
            at: now
        )
        if let deadLine { return .end(.silenceTimeout, note: deadLine) }
        switch patience {
        case .giveUp: return .agentIsSilent
        case .ask: return .askAgent
        case nil: break
        }
        switch idleVerdict {
        case .prompt(let words): return .prompt(words)
        case .end: return .end(.idleTimeout, note: nil)
        case nil: return nil
        }
    }

    /// A turn is final.
    mutating func turnEnded(_ turn: TranscriptEntry) -> Verdict? {
        let pause = turn.speaker == .caller ? callerPause.duration : nil
        switch loop?.add(LoopGuard.Turn(turn.speaker, turn.text, pause: pause)) {
        case .suspected(let score): return .loopSuspected(score: score)
        case .detected: return .end(.loopDetected, note: nil)
        case .tooManyTurns: return .end(.loopDetected, note: "more turns than are allowed")
        case nil: return nil
        }
    }
}

/// The silence before the caller began the newest turn.
struct CallerPause: Equatable, Sendable {
    /// `nil` before the caller's first word, and if neither side spoke before that.
    private(set) var duration: Duration?
    private var lastHeard: MonotonicInstant?
    private var wasSpeaking = false

    mutating func watch(isCallerSpeaking: Bool, isAgentHeard: Bool, at now: MonotonicInstant) {
        if isCallerSpeaking, !wasSpeaking { duration = lastHeard.map { now - $0 } }
        wasSpeaking = isCallerSpeaking
        if isCallerSpeaking || isAgentHeard { lastHeard = now }
    }
}
