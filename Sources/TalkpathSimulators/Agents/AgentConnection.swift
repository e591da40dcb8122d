internal import NIOCore
internal import TalkpathAudio

/// One socket of a fake model. Passes time and messages to the model's behaviour, and carries out its outputs.
///
/// Runs on the socket's event loop, so that its handlers need no hop.
actor AgentConnection<Model: AgentModel> {
    nonisolated let loop: any EventLoop
    nonisolated let session: Int
    private let clock: SimulatorClock
    private let timeline: SimulatorTimeline
    private var model: Model
    private var socket: SimulatorSocket?
    private var timer: (deadline: MonotonicInstant, task: Scheduled<Void>)?

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.executor.asUnownedSerialExecutor() }

    init(model: Model, session: Int, loop: any EventLoop, clock: SimulatorClock, timeline: SimulatorTimeline) {
        self.model = model
        self.session = session
        self.loop = loop
        self.clock = clock
        self.timeline = timeline
    }

    var record: AgentRecord { model.record }
    var isOpen: Bool { socket != nil }

    /// The handlers for the socket's events.
    nonisolated var events: SimulatorSocket.Events {
        SimulatorSocket.Events(
            opened: { socket in self.assumeIsolated { $0.opened(socket) } },
            received: { _, message, isText in self.assumeIsolated { $0.received(message, isText: isText) } },
            closed: { _, close in self.assumeIsolated { $0.closed(close) } }
        )
    }

    func perform(_ action: AgentFault.Action) {
        guard socket != nil else { return }
        model.perform([action], at: clock.now())
        runOutputs()
        socket?.flush()
    }

    private func opened(_ socket: SimulatorSocket) {
        self.socket = socket
        if model.core.plan.has(.slowPong) {
            let clock = clock
            socket.pongDelay = { .nanoseconds(clock.realDuration(HabitPlan.pongDelay($0)).wholeNanoseconds) }
        }
        model.opened(at: clock.now())
        runOutputs()
    }

    private func received(_ message: [UInt8], isText: Bool) {
        guard socket != nil else { return }
        model.received(message.span.bytes, isText: isText, at: clock.now())
        // The socket flushes once it has read everything.
        runOutputs()
    }

    private func closed(_ close: SimulatorSocket.Close) {
        socket = nil
        timer?.task.cancel()
        timer = nil
        model.closed(code: close.code, at: clock.now())
        runOutputs()
    }

    private func wake() {
        timer = nil
        guard socket != nil else { return }
        let began = clock.now()
        model.advance(to: began)
        runOutputs()
        model.core.noteFlushed(since: began, at: clock.now())
        socket?.flush()
    }

    private func runOutputs() {
        for output in model.takeOutputs() {
            switch output {
            case .send(let message, let binary): socket?.send(message, binary: binary)
            case .close(let code, let reason): socket?.close(code: code, reason: reason)
            case .vanish: socket?.reset()
            case .endStream: socket?.endStream()
            case .event(let kind):
                timeline.publish(
                    SimulatorEvent(instant: clock.now(), source: Model.source, subject: "\(session)", kind: kind)
                )
            }
        }
        arm()
    }

    private func arm() {
        guard socket != nil, let deadline = model.nextDeadline else {
            timer?.task.cancel()
            timer = nil
            return
        }
        guard timer?.deadline != deadline else { return }
        timer?.task.cancel()
        let task = loop.scheduleTask(deadline: clock.deadline(for: deadline)) {
            self.assumeIsolated { $0.wake() }
        }
        timer = (deadline, task)
    }
}
