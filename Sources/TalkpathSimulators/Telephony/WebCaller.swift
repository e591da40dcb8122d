internal import NIOCore
internal import NIOPosix
internal import TalkpathAudio
internal import TalkpathWire

/// A person on the line of a call without a telephone: opens the call's media socket on a server of ours, speaks Twilio
/// Media Streams on it in real time, and follows a script that may grow while the call lasts.
package actor WebCaller {
    private let loop: any EventLoop
    private let clock = SimulatorClock()
    private let script: PhoneScript
    private let token: String
    private let streamSID = "MZ1"
    private var socket: SimulatorSocket?
    private var model: MediaStreamModel?
    private var record: MediaStreamRecord?
    private var waiters: [CheckedContinuation<Void, Never>] = []
    private var answerWaiters: [(silence: Duration, waiter: CheckedContinuation<Bool, Never>)] = []

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.executor.asUnownedSerialExecutor() }

    private init(_ script: PhoneScript, token: String, on loop: any EventLoop) {
        self.script = script
        self.token = token
        self.loop = loop
    }

    /// Opens the media socket of a call that `POST /api/web-calls` has begun.
    ///
    /// - Throws: why the socket could not be opened.
    package static func connect(port: Int, path: String, token: String, _ script: PhoneScript) async throws -> WebCaller
    {
        let caller = WebCaller(script, token: token, on: MultiThreadedEventLoopGroup.singleton.next())
        _ = try await SimulatorSocket.connect(
            host: "127.0.0.1",
            port: port,
            target: path,
            headers: [("Host", "127.0.0.1:\(port)")],
            on: caller.loop,
            events: caller.events
        )
        return caller
    }

    /// Says this after the script.
    package func say(_ turn: PhoneScript.Turn) { model?.add(turn) }

    /// Hangs up.
    package func hangUp() {
        guard record == nil else { return }
        model?.stop(at: clock.now())
        runOutputs()
        socket?.close(code: 1000)
    }

    /// Returns true once everything is said, and the agent has answered it and been silent for that long; false if the
    /// call is over before.
    package func waitForAnswer(silentFor silence: Duration) async -> Bool {
        guard record == nil else { return false }
        return await withCheckedContinuation { answerWaiters.append((silence, $0)) }
    }

    /// The turns that came because the agent had been silent for too long, by number from 0 on.
    package var impatientTurns: [Int] { model?.impatientTurns ?? [] }

    /// The turns that have not begun.
    package var turnsLeft: Int { model?.turnsLeft ?? script.turns.count }

    package var isOver: Bool { record != nil }

    /// Returns when the socket is closed.
    package func waitForEnd() async {
        guard record == nil else { return }
        await withCheckedContinuation { waiters.append($0) }
    }

    // MARK: The socket

    private nonisolated var events: SimulatorSocket.Events {
        SimulatorSocket.Events(
            opened: { socket in self.assumeIsolated { $0.begin(socket) } },
            received: { _, message, isText in self.assumeIsolated { $0.take(message, isText) } },
            closed: { _, _ in self.assumeIsolated { $0.closed() } }
        )
    }

    private func begin(_ socket: SimulatorSocket) {
        self.socket = socket
        let identity = MediaStreamModel.Identity(
            accountSID: "",
            callSID: "",
            streamSID: streamSID,
            parameters: [.init(name: "token", value: token)]
        )
        var model = MediaStreamModel(identity: identity, script: script, start: clock.now(), keepsAudio: false)
        model.open()
        self.model = model
        runOutputs()
        tick()
    }

    private func take(_ message: [UInt8], _ isText: Bool) {
        model?.receive(message.span.bytes, isText: isText, at: clock.now())
        runOutputs()
    }

    private func closed() {
        model?.cutOff()
        record = model?.snapshot()
        for waiter in waiters { waiter.resume() }
        waiters = []
        for (_, waiter) in answerWaiters { waiter.resume(returning: false) }
        answerWaiters = []
    }

    private func tick() {
        guard record == nil, model?.isStopped == false else { return }
        model?.advance(to: clock.now())
        runOutputs()
        tellAnswer()
        guard let next = model?.nextDeadline else { return }
        loop.scheduleTask(deadline: clock.deadline(for: next)) { self.assumeIsolated { $0.tick() } }
    }

    private func tellAnswer() {
        guard let model, !answerWaiters.isEmpty else { return }
        let now = clock.now()
        answerWaiters.removeAll { silence, waiter in
            guard model.isAnswered(silentFor: silence, at: now) else { return false }
            waiter.resume(returning: true)
            return true
        }
    }

    private func runOutputs() {
        var isDone = false
        for output in model?.takeOutputs() ?? [] {
            switch output {
            case .send(let message): socket?.send(message)
            case .hangUp: isDone = true
            case .event: break
            }
        }
        socket?.flush()
        if isDone { hangUp() }
    }
}
