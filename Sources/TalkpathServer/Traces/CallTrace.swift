import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Tracing

/// The spans of one call, made as its events come.
///
/// ```
/// call                              started … everything is closed
/// ├─ ring                           first ring … answer
/// ├─ connect                        answer … media stream and model are both there
/// ├─ invoke_agent NAME              a session with the model: ready … lost, renewed or over
/// ├─ turn                           the caller begins to speak … the agent's first audio on the wire
/// │  ├─ turn.notice                 the caller's last sound … the model's word that the caller has finished
/// │  ├─ turn.think                  … its answer begins
/// │  └─ turn.audio                  … its first audio is on the wire
/// ├─ reopen                         a session is lost … the next one is ready
/// ├─ transfer                       ordered … its outcome
/// ├─ execute_tool NAME              a function, with the request to its endpoint (CallTraces.startSpan)
/// ├─ POST                           a webhook's delivery (CallTraces.startSpan)
/// └─ end                            the end's beginning … everything is closed
///    └─ end.STEP                    each of its steps
/// ```
///
/// Barge-ins, calls of functions, the carrier's errors and the like are events of the span `call`.
struct CallTrace {
    private let call: CallID
    private let began: TraceInstant
    private let tracer: any Tracer
    private let holdsContent: Bool
    private let root: any Tracing.Span
    private(set) var isDescribed = false

    private var rings: Duration?
    private var answered: Duration?
    private var mediaStarted: Duration?
    private var agentReady: Duration?
    private var isConnected = false
    private var session: (any Tracing.Span)?
    private var sessionAttributes: SpanAttributes = [:]
    private var agentName: String?
    private var lost: Duration?
    private var transferring: Duration?
    private var callerBegan: Duration?
    private var callerEnded: Duration?
    private var answerBegan: Duration?

    init(
        _ call: CallID,
        began: TraceInstant,
        below parent: ServiceContext,
        tracer: any Tracer,
        holdsContent: Bool
    ) {
        self.call = call
        self.began = began
        self.tracer = tracer
        self.holdsContent = holdsContent
        root = Self.span("call", .server, at: began, in: parent, tracer)
        root.attributes = ["gen_ai.conversation.id": .string(call.text), "talkpath.call.id": .string(call.text)]
    }

    /// For spans below this call's.
    var context: ServiceContext { root.context }

    mutating func describe(_ call: CallTraces.Call) {
        isDescribed = true
        let agent = call.agent
        agentName = agent.name ?? agent.id
        sessionAttributes = [
            "gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": .string(agent.tracedProvider),
            "gen_ai.request.model": .string(agent.model), "gen_ai.output.type": "speech",
            "gen_ai.conversation.id": .string(self.call.text),
        ]
        if let id = agent.id { sessionAttributes["gen_ai.agent.id"] = id }
        if let name = agent.name { sessionAttributes["gen_ai.agent.name"] = name }
        root.updateAttributes { attributes in
            attributes["talkpath.call.direction"] = call.direction.rawValue
            attributes["gen_ai.provider.name"] = agent.tracedProvider
            attributes["gen_ai.request.model"] = agent.model
        }
    }

    mutating func take(_ event: CallEvent) {
        let at = event.at
        switch event.kind {
        case .started, .dtmf, .transcriptCorrected:
            if case .dtmf = event.kind { note("key_pressed", at) }
        case .ringing:
            rings = rings ?? at
        case .answered:
            answered = at
            if let rings { past("ring", rings, at) }
            noteConnection(at)
        case .mediaStarted:
            mediaStarted = mediaStarted ?? at
            noteConnection(at)
        case .agentReady:
            sessionIsReady(at)
            noteConnection(at)
        case .agentLost(let message):
            lost = lost ?? at
            endSession(at, error: message)
            note("agent_lost", at)
        case .agentFailedOver(let failover):
            note("agent_failed_over", at, ["talkpath.agent.provider": .string(failover.to.provider.rawValue)])
        case .callerSpeechStarted:
            callerBegan = callerBegan ?? at
            callerEnded = nil
        case .callerSpeechEnded:
            callerEnded = at
        case .agentSpeechStarted:
            answerBegan = at
        case .agentAnswered(let latency):
            turn(at, latency)
        case .interrupted(let heard):
            note("barge_in", at, ["talkpath.heard_ms": .int64(Int64(heard))])
        case .transcript(let entry):
            guard holdsContent else { return }
            note(
                "transcript",
                .milliseconds(entry.milliseconds),
                ["talkpath.speaker": .string(entry.speaker.rawValue), "talkpath.text": .string(entry.text)]
            )
        case .toolCalled(let name):
            note("tool_called", at, ["gen_ai.tool.name": .string(name)])
        case .carrierError(let fault):
            var attributes: SpanAttributes = ["talkpath.source": .string(fault.source.rawValue)]
            if let code = fault.code { attributes["talkpath.carrier.code"] = Int64(code) }
            note("carrier_error", at, attributes)
        case .responseFailed(let status, let code):
            note("response_failed", at, ["talkpath.status": .string(status), "talkpath.code": .string(code)])
        case .transferring:
            transferring = at
        case .transferAnswered:
            endTransfer(at, "answered")
        case .transferFailed(let outcome, _):
            endTransfer(at, outcome?.rawValue ?? "refused", isError: true)
        case .machineDetected(let answer):
            note("answered_by", at, ["talkpath.answered_by": .string(answer.rawValue)])
        case .idlePrompted:
            note("idle_prompt", at)
        case .listenerJoined:
            note("listener_joined", at)
        case .loopSuspected(let score):
            note("loop_suspected", at, ["talkpath.score": .double(score)])
        case .ended(let receipt):
            end(receipt)
        }
    }

    // MARK: Parts

    private mutating func noteConnection(_ at: Duration) {
        guard !isConnected, let answered, let mediaStarted, let agentReady else { return }
        isConnected = true
        past(
            "connect",
            min(answered, at),
            at,
            [
                "talkpath.media_ms": Self.milliseconds(mediaStarted - answered),
                "talkpath.agent_ms": Self.milliseconds(agentReady - answered),
            ]
        )
    }

    private mutating func sessionIsReady(_ at: Duration) {
        agentReady = agentReady ?? at
        if let lost { past("reopen", lost, at) } else if session != nil { note("renewal", at) }
        lost = nil
        endSession(at)
        let name = agentName.map { "invoke_agent \($0)" } ?? "invoke_agent"
        session = Self.span(name, .client, at: began + at, in: context, tracer)
        session?.attributes = sessionAttributes
    }

    private mutating func endSession(_ at: Duration, error: String? = nil) {
        guard let session else { return }
        if let error {
            session.attributes["error.type"] = "agent_lost"
            session.setStatus(SpanStatus(code: .error, message: error))
        }
        session.end(at: began + at)
        self.session = nil
    }

    /// The agent's first audio of an answer is on the wire.
    private mutating func turn(_ at: Duration, _ latency: Duration) {
        let lastSound = max(.zero, at - latency)
        let from = min(callerBegan ?? lastSound, lastSound)
        let notice = callerEnded.map { min(max($0, lastSound), at) }
        let answer = answerBegan.map { min(max($0, notice ?? lastSound), at) }
        let turn = Self.span("turn", .internal, at: began + from, in: context, tracer)
        turn.attributes = ["talkpath.turn.latency_ms": Self.milliseconds(latency)]
        func part(_ name: String, _ from: Duration, _ to: Duration) {
            let span = Self.span(name, .internal, at: began + from, in: turn.context, tracer)
            span.end(at: began + to)
        }
        if let notice { part("turn.notice", lastSound, notice) }
        if let answer {
            part("turn.think", notice ?? lastSound, answer)
            part("turn.audio", answer, at)
        }
        turn.end(at: began + at)
        (callerBegan, callerEnded, answerBegan) = (nil, nil, nil)
    }

    private mutating func endTransfer(_ at: Duration, _ outcome: String, isError: Bool = false) {
        guard let from = transferring else { return }
        transferring = nil
        past("transfer", from, at, ["talkpath.outcome": .string(outcome)], error: isError ? outcome : nil)
    }

    private mutating func end(_ receipt: EndReceipt) {
        let from = receipt.duration
        if answered == nil, let rings { past("ring", rings, max(rings, from)) }
        endSession(from)
        let closed = from + receipt.teardown
        let end = Self.span("end", .internal, at: began + from, in: context, tracer)
        end.attributes = ["talkpath.ended_reason": .string(receipt.reason.rawValue)]
        for step in receipt.steps {
            let span = Self.span(
                "end.\(step.name.rawValue)",
                step.name == .hangUp ? .client : .internal,
                at: began + from + step.started,
                in: end.context,
                tracer
            )
            span.attributes = ["talkpath.outcome": .string(step.outcome.rawValue)]
            if step.outcome == .failed || step.outcome == .timedOut {
                span.attributes["error.type"] = step.outcome.rawValue
                span.setStatus(SpanStatus(code: .error, message: step.error))
            }
            span.end(at: began + from + step.started + step.duration)
        }
        end.end(at: began + closed)
        root.updateAttributes { $0.add(receipt) }
        if receipt.status == .failed || !receipt.isSuccess {
            root.attributes["error.type"] = receipt.isSuccess ? receipt.reason.rawValue : "hang_up_unconfirmed"
            root.setStatus(SpanStatus(code: .error))
        }
        root.end(at: began + closed)
    }

    // MARK: Making spans

    private func note(_ name: String, _ at: Duration, _ attributes: SpanAttributes = [:]) {
        root.addEvent(SpanEvent(name: name, at: began + at, attributes: attributes))
    }

    /// A span whose end is known already.
    private func past(
        _ name: String,
        _ from: Duration,
        _ to: Duration,
        _ attributes: SpanAttributes = [:],
        error: String? = nil
    ) {
        let span = Self.span(name, .internal, at: began + from, in: context, tracer)
        span.attributes = attributes
        if let error {
            span.attributes["error.type"] = error
            span.setStatus(SpanStatus(code: .error))
        }
        span.end(at: began + to)
    }

    private static func span(
        _ name: String,
        _ kind: SpanKind,
        at instant: TraceInstant,
        in context: ServiceContext,
        _ tracer: any Tracer
    ) -> any Tracing.Span {
        tracer.startSpan(
            name,
            context: context,
            ofKind: kind,
            at: instant,
            function: #function,
            file: #fileID,
            line: #line
        )
    }

    private static func milliseconds(_ duration: Duration) -> SpanAttribute {
        .double((duration.milliseconds * 10).rounded() / 10)
    }
}

extension SpanAttributes {
    fileprivate mutating func add(_ receipt: EndReceipt) {
        self["talkpath.call.status"] = receipt.status.rawValue
        self["talkpath.ended_reason"] = receipt.reason.rawValue
        self["talkpath.carrier_confirmed"] = receipt.carrierConfirmed
        self["gen_ai.usage.input_tokens"] = Int64(receipt.usage.inputTokens)
        self["gen_ai.usage.output_tokens"] = Int64(receipt.usage.outputTokens)
        self["gen_ai.usage.cache_read.input_tokens"] = Int64(receipt.usage.inputCachedTokens)
        // Unknown values are left out.
        if let cost = receipt.cost?.total { self["talkpath.cost_usd"] = cost.dollars }
    }
}

extension AgentProfile {
    /// As OpenTelemetry's conventions name it.
    fileprivate var tracedProvider: String {
        switch provider {
        case .openai:
            switch service {
            case .azure: "azure.ai.openai"
            case .xai: "x_ai"
            case .openai, nil: "openai"
            }
        case .gemini: "gcp.gemini"
        default: provider.rawValue.hasPrefix("openai") ? "openai" : provider.rawValue
        }
    }
}
