import Logging
import NIOCore
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The agent leg over an agent of this process: what a socket is to a socket agent. Use on the call's event loop only.
final class InProcessConnection {
    private let session: CallSession
    private let number: AgentSocketID
    private let media: CallMedia
    private let eventLoop: any EventLoop
    private let clock: SystemClock
    private let instruments: CallInstruments
    private let logger: Logger

    private let feed: AgentCallFeed
    private let input: AudioFormat
    /// Open until the call waits for the agent no longer; then nothing is sent to a loop that may be gone.
    private let gate = InProcessGate()
    /// The media's agent generation of this leg.
    private var generation: Int?
    /// The response that the agent may send audio of.
    private var response: Int?
    private var budget: RateBucket
    private var isClosed = false
    private var hasLoggedUnread = false
    private var unreadBytes = 0

    private var task: Task<Void, Never>?
    /// True until the agent's task has ended.
    private var isRunning = false
    private var gone: EventLoopPromise<Void>?
    private var timers: [Scheduled<Void>] = []

    /// A send that finds no room looks again after this time.
    private static let pause = TimeAmount.milliseconds(20)

    init(
        session: CallSession,
        number: AgentSocketID,
        agent: any InProcessAgent,
        eventLoop: any EventLoop,
        clock: SystemClock,
        instruments: CallInstruments,
        logger: Logger
    ) {
        self.session = session
        self.number = number
        self.eventLoop = eventLoop
        self.clock = clock
        self.instruments = instruments
        self.logger = logger
        media = session.media.value
        input = agent.inputRate.format
        feed = AgentCallFeed(input: input, output: agent.outputRate.format)
        budget = RateBucket(WebSocketBudget.agent.frames, at: eventLoop.now)
    }

    // MARK: Beginning

    /// Joins the call, and lets the agent run.
    func open(_ agent: any InProcessAgent) -> InProcessLeg {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let leg = InProcessLeg(bound, eventLoop: eventLoop)
        let isWanted = session.assumeIsolated { [number] in $0.agentSocketOpened(leg, socket: number) }
        guard isWanted, let start = feed.start else {
            shut()
            return leg
        }
        generation = media.agentGeneration
        let line = InProcessLine(connection: bound, eventLoop: eventLoop, gate: gate)
        let call = AgentCall(start: start, source: feed.source, line: line)
        let ready = AgentLineMessage.ready(input: input, output: agent.outputRate.format)
        isRunning = true
        task = Task { [eventLoop, gate] in
            let reason: String
            do {
                try await line.send(ready)
                try await agent.run(call)
                reason = "the in-process agent returned before the end of the call"
            } catch {
                // The error's words may hold what the caller said.
                reason = "the in-process agent threw \(type(of: error))"
            }
            guard gate.isOpen else { return }
            eventLoop.execute { bound.value.returned(reason) }
        }
        return leg
    }

    // MARK: To the agent

    func drain(_ outbox: inout MessageOutbox) {
        outbox.drainMessages { message, isBinary in
            guard !isClosed else { return }
            if isBinary { give(audio: message) } else { give(text: message) }
        }
    }

    private func give(audio: RawSpan) {
        guard !feed.take(audio: audio) else { return }
        unreadBytes += audio.byteCount
        let milliseconds = unreadBytes / input.bytesPerMillisecond
        unreadBytes -= milliseconds * input.bytesPerMillisecond
        media.agentLeftUnread(milliseconds: milliseconds)
        guard !hasLoggedUnread else { return }
        hasLoggedUnread = true
        logger.warning(
            "The in-process agent does not read the caller's audio, which is dropped now",
            metadata: ["call_id": "\(session.id)", "kept_ms": "\(AgentCall.mostCallerMilliseconds)"]
        )
    }

    private func give(text: RawSpan) {
        switch feed.take(text: text) {
        case .nothing: break
        case .cancel(let interrupted):
            if response == interrupted { response = nil }
        case .full:
            instruments.overran(leg: SocketOverruns.Leg.agent.rawValue, cause: "unread")
            shut()
            // In a later turn of the loop, because the session is writing now.
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            eventLoop.execute { bound.value.lose("the in-process agent does not take its events") }
        }
    }

    // MARK: From the agent

    /// Delivers a message, or looks for room again later.
    func take(_ delivery: InProcessDelivery) {
        guard !isClosed else { return delivery.refuse(AgentCallIsOver()) }
        if case .audio(_, let number) = delivery.message {
            guard number == response else { return delivery.refuse(AgentSpeechInterrupted()) }
            guard !delivery.isCancelled else { return delivery.refuse(CancellationError()) }
        }
        guard hasRoom(for: delivery.message) else {
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            eventLoop.scheduleTask(in: Self.pause) { bound.value.take(delivery) }
            return
        }
        deliver(delivery.message)
        delivery.taken()
    }

    private func hasRoom(for message: AgentLineMessage) -> Bool {
        if case .audio = message, media.downlink.backlogMilliseconds >= AgentCall.mostUnplayedMilliseconds {
            return false
        }
        budget.refill(at: eventLoop.now)
        return budget.take(1)
    }

    private func deliver(_ message: AgentLineMessage) {
        guard media.agentGeneration == generation else { return }
        let now = clock.now
        switch message {
        case .audio(let samples, _):
            samples.withUnsafeBytes { media.agentReceived(RawSpan(_unsafeBytes: $0), isText: false, at: now) }
        case .text(let text):
            media.agentReceived(text.span.bytes, at: now)
        case .begin(let number, let text):
            response = number
            media.agentReceived(text.span.bytes, at: now)
        case .end(let number, let text):
            if number == nil || number == response { response = nil }
            media.agentReceived(text.span.bytes, at: now)
        }
        if !media.events.isEmpty { session.assumeIsolated { $0.handleMediaEvents(at: now) } }
        media.pump()
        if media.isClearing { media.noteCleared(at: clock.now) }
    }

    // MARK: Ending

    private func returned(_ reason: String) {
        isRunning = false
        for timer in timers { timer.cancel() }
        timers.removeAll()
        gone?.succeed()
        lose(reason)
    }

    private var isLost = false

    /// The session learns that this leg is gone, unless the session has closed it.
    private func lose(_ reason: String) {
        shut()
        guard gone == nil, !isLost else { return }
        isLost = true
        session.assumeIsolated { [number] in $0.agentClosed(socket: number, reason: reason) }
    }

    private func shut() {
        guard !isClosed else { return }
        isClosed = true
        response = nil
        feed.finish()
    }

    /// Closes the leg for the session: succeeds when the agent's task has ended, or when its time is up.
    func close() -> EventLoopFuture<Void> {
        shut()
        if let gone { return gone.futureResult }
        let promise = eventLoop.makePromise(of: Void.self)
        gone = promise
        guard isRunning else {
            promise.succeed()
            return promise.futureResult
        }
        let loop = eventLoop.assumeIsolated()
        timers = [
            loop.scheduleTask(in: TimeAmount(AgentCall.grace)) { self.task?.cancel() },
            loop.scheduleTask(in: TimeAmount(AgentCall.patience)) { self.abandon() },
        ]
        return promise.futureResult
    }

    private func abandon() {
        gate.close()
        logger.warning(
            "The in-process agent still runs after the end of its call: it must heed the cancellation of its task",
            metadata: ["call_id": "\(session.id)"]
        )
        instruments.overran(leg: SocketOverruns.Leg.agent.rawValue, cause: "unfinished")
        gone?.succeed()
    }
}

/// False once nothing may be sent to the lane any more.
final class InProcessGate: Sendable {
    private let state = Atomic<Bool>(true)

    var isOpen: Bool { state.load(ordering: .acquiring) }

    func close() { state.store(false, ordering: .releasing) }
}

/// A message on its way from an agent to its lane, and the task that waits for it.
final class InProcessDelivery: Sendable {
    let message: AgentLineMessage
    private let continuation: CheckedContinuation<Void, any Error>
    private let cancelled: InProcessGate

    init(_ message: AgentLineMessage, _ continuation: CheckedContinuation<Void, any Error>, cancelled: InProcessGate) {
        self.message = message
        self.continuation = continuation
        self.cancelled = cancelled
    }

    var isCancelled: Bool { !cancelled.isOpen }

    func taken() { continuation.resume() }
    func refuse(_ error: any Error) { continuation.resume(throwing: error) }
}

/// Carries an agent's messages to the lane of its call.
struct InProcessLine: AgentLine {
    let connection: NIOLoopBound<InProcessConnection>
    let eventLoop: any EventLoop
    let gate: InProcessGate

    func send(_ message: AgentLineMessage) async throws {
        // A task that was cancelled may still say that its response has ended.
        let wanted = InProcessGate()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let delivery = InProcessDelivery(message, continuation, cancelled: wanted)
                guard gate.isOpen else { return delivery.refuse(AgentCallIsOver()) }
                eventLoop.execute { [connection] in connection.value.take(delivery) }
            }
        } onCancel: {
            wanted.close()
        }
    }
}

/// The session's handle on an agent leg of this process.
final class InProcessLeg: LegSink, LegConnection, Sendable {
    private let connection: NIOLoopBound<InProcessConnection>
    private let eventLoop: any EventLoop

    init(_ connection: NIOLoopBound<InProcessConnection>, eventLoop: any EventLoop) {
        self.connection = connection
        self.eventLoop = eventLoop
    }

    /// On the call's event loop.
    func drain(_ outbox: inout MessageOutbox) { connection.value.drain(&outbox) }

    func close() async {
        // The promise never fails; a loop that is gone has no call.
        try? await eventLoop.flatSubmit { [connection] in connection.value.close() }.get()
    }
}
