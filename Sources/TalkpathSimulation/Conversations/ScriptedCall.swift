import Logging
import TalkpathAudio
package import TalkpathCore
package import TalkpathWire

/// One call on virtual time, in which caller and model follow a script and nothing is random. The whole session runs,
/// between a telephone that plays its audio and a model that is a script.
package final class ScriptedCall: @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.

    /// A message that the model received; audio is left out.
    package struct Told {
        package var at: Int
        package var text: String
    }

    package let scheduler: SimulationScheduler
    /// The provider of the agent that has the call.
    package private(set) var provider: AgentProvider
    private(set) var language: AgentLanguage
    package private(set) var session: CallSession!
    package private(set) var told: [Told] = []
    package private(set) var events: [(at: Int, kind: CallEvent.Kind)] = []
    package private(set) var record: CallSnapshot?
    /// Called with every message that the model receives, except audio.
    package var onTold: (String) -> Void = { _ in }
    /// Called whenever a socket to the model has opened.
    package var onConnect: (ScriptedCall) -> Void = { _ in }
    /// Runs the functions that the model calls.
    package var tool: @Sendable (AgentToolCall) async -> String = { _ in "{}" }
    /// The time from the opening of the model's socket until its session is set up; `nil` means never.
    package var setupTime: Duration? = .zero
    /// Called with the milliseconds of each piece of the caller's audio that the model receives.
    package var onAudio: (Int) -> Void = { _ in }
    /// True if the carrier's media bear timestamps.
    package var hasTimestamps = true
    /// The model's reaction to a message that it does not take; `nil` takes it.
    package var refusal: (String) -> Refusal? = { _ in nil }

    /// The reason why no socket to this agent can be opened; `nil` opens it.
    package var connectFault: (AgentProfile) -> AgentConnectError? = { _ in nil }

    package enum Refusal {
        /// It closes its socket with these words.
        case closes(String)
        /// It sends an error that names this parameter.
        case error(parameter: String)
    }

    private let manager: CallLane
    private let captures: MemoryCapture?
    private let world: World
    private var phone: Phone?
    private(set) var sockets: [ModelSocket] = []
    private var callerSpeaksUntil = 0
    private let start: MonotonicInstant

    package init(
        _ provider: AgentProvider,
        seed: UInt64 = 1,
        limits: CallLimits = CallLimits(),
        captures: MemoryCapture? = nil,
        configure: (inout AgentProfile) -> Void = { _ in }
    ) {
        self.captures = captures
        self.provider = provider
        language = AgentLanguage(provider: provider)
        scheduler = SimulationScheduler(seed: seed)
        start = scheduler.now
        world = World()
        manager = CallLane(
            ports: CallSession.Ports(
                carrier: nil,
                connector: world,
                store: world,
                events: world,
                tools: world,
                clock: scheduler,
                logger: Logger(label: "scripted") { _ in SwiftLogNoOpLogHandler() },
                captures: captures
            ),
            identifiers: world,
            executor: scheduler.lane
        )
        world.call = self
        var agent = AgentProfile(provider: provider, model: "m", apiKey: "k")
        configure(&agent)
        let call = InboundCall(from: "a", to: "b", carrierCallID: nil, agent: agent, limits: limits)
        at(0) { [self] in
            manager.assumeIsolated { manager in
                session = try? manager.session(manager.accept(call))
                attachPhone(manager)
            }
            tick()
        }
        let life = Task(executorPreference: scheduler.pool) { [manager] in await manager.run() }
        _ = life
    }

    /// Milliseconds since the call began.
    package var milliseconds: Int { (scheduler.now - start).wholeMilliseconds }

    /// Runs `body` on the loop at that time.
    package func at(_ milliseconds: Int, _ body: @escaping () -> Void) {
        scheduler.after(.milliseconds(milliseconds - self.milliseconds), body)
    }

    /// Plays the call, hangs up at that time if it is still live, and waits until nothing of it is left.
    package func run(until milliseconds: Int) {
        at(milliseconds) { [self] in
            Task(executorPreference: scheduler.pool) { [manager] in await manager.shutDown(mode: .now) }
        }
        scheduler.run(atMost: 5_000_000)
        captures?.collect()
    }

    /// The agent that has the call.
    package var agent: AgentProfile { session.assumeIsolated { $0.presentAgent } }

    /// True until the call begins to end.
    package var isLive: Bool { session.assumeIsolated { $0.isLive } }

    private func tick() {
        phone?.tick(isSpeaking: milliseconds < callerSpeaksUntil)
        manager.assumeIsolated { $0.tick(at: scheduler.now) }
        captures?.collect()
        guard record == nil || phone?.isOpen == true else { return }
        scheduler.after(.milliseconds(20)) { [self] in tick() }
    }

    // MARK: The caller

    private func attachPhone(_ manager: isolated CallLane) {
        guard let token = manager.makeStreamToken(for: session.id),
            (try? manager.spendStreamToken(token, carrierCallID: "CA01")) != nil
        else { return }
        let phone = Phone(self)
        self.phone = phone
        _ = session.assumeIsolated { $0.mediaOpened(phone, sink: phone, carrierCallID: "CA01") }
        phone.begin()
    }

    /// The caller speaks from now on, for so many milliseconds.
    package func talk(_ duration: Int) { callerSpeaksUntil = milliseconds + duration }

    package var isCallerSpeaking: Bool { milliseconds < callerSpeaksUntil }

    package func press(_ digit: String) { phone?.press(digit) }

    /// The caller hangs up: the carrier stops the stream, and closes its socket.
    package func hangUp() { phone?.hangUp() }

    /// An operator puts a message into the conversation.
    /// - Returns: true if the session has taken it.
    package func send(_ message: String, as author: MessageAuthor, isAnswered: Bool) -> Bool {
        session.assumeIsolated { session in
            (try? session.send(message: message, as: author, isAnswered: isAnswered)) != nil
        }
    }

    /// The milliseconds that the caller has heard of the item with that number.
    package func heardMilliseconds(of item: Int) -> Int { phone?.heardMilliseconds(of: item) ?? 0 }

    /// The time at which the caller began to hear each item.
    package var heardFrom: [Int: Int] { phone?.heardFrom ?? [:] }

    // MARK: The model

    /// Sends this message from the model, on its latest socket.
    package func say(_ text: String?) {
        guard let text, let socket = sockets.last, socket.isOpen else { return }
        feed(text) { $0.agentReceived($1, at: scheduler.now) }
    }

    /// Sends pieces of 250 ms of speech.
    package func sayAudio(_ item: Int, pieces: Int = 1) {
        let piece = SpokenLevels.piece(item, agent.outputFormat)
        for _ in 0..<pieces { say(language.audio(piece, item: "item_\(item)")) }
    }

    package func beginResponse() { say(language.responseBegun(item: "r")) }
    package func endAudio(_ item: Int) { say(language.audioEnded(item: "item_\(item)")) }
    package func endResponse(isCancelled: Bool = false) { say(language.responseEnded(isCancelled: isCancelled)) }

    package func sayWords(_ text: String, _ item: Int) { say(language.words(text, item: "item_\(item)")) }

    /// Sends a whole response, faster than it plays.
    package func answer(_ item: Int, pieces: Int, words: String? = nil) {
        beginResponse()
        sayAudio(item, pieces: pieces)
        if let words { sayWords(words, item) }
        endAudio(item)
        endResponse()
    }

    package func callTool(_ name: String, arguments: String = "{}") {
        for message in language.tool(name, arguments: arguments) { say(message) }
    }

    /// The model reports the start and the end of the caller's speech; Gemini does not report them.
    package func hearCallerBegin() { say(language.callerBegan) }
    package func hearCallerEnd() { say(language.callerEnded) }

    /// The model's socket breaks.
    package func loseModel() { sockets.last?.vanish("gone") }

    package func tellings(containing part: String) -> [Told] { told.filter { $0.text.contains(part) } }

    /// An operator ends the call as soon as all is heard.
    package func drain() {
        session.assumeIsolated { $0.requestEnd(EndRequest(.endedByAPI, mode: .drain(timeout: .seconds(30)))) }
    }

    /// The messages that ask the model to speak or to answer.
    package var requests: [Told] { told.filter { language.isRequest($0.text) } }

    fileprivate func feed(_ text: String, _ body: (CallMedia, RawSpan) -> Void) {
        let bytes = Array(text.utf8)
        body(session.media.value, bytes.span.bytes)
        session.assumeIsolated { $0.handleMediaEvents(at: scheduler.now) }
        session.media.value.pump()
    }

    fileprivate func opened(_ socket: ModelSocket) {
        (provider, language) = (agent.provider, AgentLanguage(provider: agent.provider))
        guard session.assumeIsolated({ $0.agentSocketOpened(socket, socket: socket.number) }) else { return }
        sockets.append(socket)
        say(language.greeting)
        onConnect(self)
    }

    fileprivate func wasTold(_ text: String) {
        guard !language.isAudio(text) else {
            onAudio(language.producedMilliseconds(text, agent.inputFormat))
            return
        }
        told.append(Told(at: milliseconds, text: text))
        switch refusal(text) {
        case .closes(let words)?:
            sockets.last?.vanish("the model's socket was closed (1007: \(words))")
            return
        case .error(let parameter)?:
            say(language.refusal(of: parameter))
            return
        case nil: break
        }
        if language.isConfiguration(text), let setupTime {
            scheduler.after(setupTime) { [self] in say(language.ready) }
        }
        onTold(text)
    }
}

extension ScriptedCall {
    /// A socket to the model.
    final class ModelSocket: LegSink, LegConnection, @unchecked Sendable {
        // Unchecked: see the call.
        let number: AgentSocketID
        private unowned let call: ScriptedCall
        private(set) var isOpen = true

        init(_ call: ScriptedCall, _ number: AgentSocketID) {
            self.call = call
            self.number = number
        }

        func drain(_ outbox: inout MessageOutbox) {
            outbox.drain { message in
                let text = message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                // The results come later, as on a network.
                call.scheduler.after(.zero) { [self] in if isOpen { call.wasTold(text) } }
            }
        }

        func vanish(_ reason: String) {
            guard isOpen else { return }
            isOpen = false
            call.scheduler.after(.zero) { [call, number] in
                call.session.assumeIsolated { $0.agentClosed(socket: number, reason: reason) }
            }
        }

        func close() async {
            await call.scheduler.onLane { self.vanish("gone") }
        }
    }

    /// The other ports of the session; each carries out its requests at once.
    fileprivate final class World: AgentConnector, CallStore, CallEventSink, IdentifierSource, ToolHandler,
        @unchecked Sendable
    {
        // Unchecked: see the call.
        weak var call: ScriptedCall!

        func connect(
            _ target: WebSocketTarget,
            socket number: AgentSocketID,
            timeout: Duration,
            session: CallSession
        ) async throws(AgentConnectError) -> any LegConnection {
            guard let call else { throw AgentConnectError("gone") }
            let fault = await call.scheduler.onLane { call.connectFault(call.agent) }
            if let fault { throw fault }
            let socket = ModelSocket(call, number)
            await call.scheduler.onLane { call.opened(socket) }
            return socket
        }

        func call(_ tool: AgentToolCall, on id: CallID) async -> String { await call.tool(tool) }

        func publish(_ event: CallEvent) { call.events.append((call.milliseconds, event.kind)) }

        func makeCallID() -> CallID { CallID("call") }
        func makeToken() -> String { "token" }

        func journal(_ call: CallSnapshot) async throws {}
        func save(_ call: CallSnapshot) async throws { self.call.record = call }
        func update(_ call: CallSnapshot) async throws { self.call.record = call }
        func find(_ id: CallID) async throws -> CallSnapshot? { nil }
        func calls(matching query: CallQuery) async throws -> CallPage { CallPage(calls: [], next: nil) }
        func count(matching query: CallQuery) async throws -> Int { 0 }
    }

    /// The carrier's media socket, with the caller's ear and mouth at its far end.
    fileprivate final class Phone: LegSink, LegConnection, @unchecked Sendable {
        // Unchecked: see the call.
        private unowned let call: ScriptedCall
        private(set) var isOpen = true
        private var listener = CallerListener()
        private(set) var heardFrom: [Int: Int] = [:]
        private var marks: [String] = []
        private var sequence = 1
        private var timestamp = 0

        private static let silence = String(repeating: "/", count: 212) + "//8="
        private static let voice = String(repeating: "gAAA", count: 53) + "gA=="

        init(_ call: ScriptedCall) {
            self.call = call
        }

        func begin() {
            feed(
                #"{"event":"start","sequenceNumber":"1","streamSid":"MZ01","start":{"streamSid":"MZ01","accountSid":"AC01","callSid":"CA01","tracks":["inbound"],"customParameters":{},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
            )
        }

        func tick(isSpeaking: Bool) {
            guard isOpen else { return }
            listener.play(until: call.scheduler.now)
            timestamp += 20
            sequence += 1
            let stamp = call.hasTimestamps ? #""timestamp":"\#(timestamp)","# : ""
            feed(
                #"{"event":"media","sequenceNumber":"\#(sequence)","streamSid":"MZ01","media":{"track":"inbound","chunk":"1",\#(stamp)"payload":"\#(isSpeaking ? Self.voice : Self.silence)"}}"#
            )
        }

        func press(_ digit: String) {
            sequence += 1
            feed(
                #"{"event":"dtmf","sequenceNumber":"\#(sequence)","streamSid":"MZ01","dtmf":{"track":"inbound_track","digit":"\#(digit)"}}"#
            )
        }

        func hangUp() {
            guard isOpen else { return }
            sequence += 1
            feed(
                #"{"event":"stop","sequenceNumber":"\#(sequence)","streamSid":"MZ01","stop":{"accountSid":"AC01","callSid":"CA01"}}"#
            )
            isOpen = false
            call.session.assumeIsolated { $0.mediaClosed(line: 1) }
        }

        func heardMilliseconds(of item: Int) -> Int {
            listener.play(until: call.scheduler.now)
            return listener.heardMilliseconds(of: item)
        }

        private func feed(_ text: String) {
            guard isOpen else { return }
            call.feed(text) { $0.telephonyReceived($1, at: call.scheduler.now) }
        }

        func drain(_ outbox: inout MessageOutbox) {
            outbox.drain { message in
                let text = message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                received(text)
            }
        }

        private func received(_ text: String) {
            let now = call.scheduler.now
            if text.hasPrefix(#"{"event":"media""#) {
                guard let json = try? JSONValue(parsing: text), let payload = json["media"]?["payload"]?.string else {
                    return
                }
                let base64 = Array(payload.utf8)
                var audio = [UInt8](repeating: 0, count: base64.count)
                var target = audio.mutableSpan
                guard let count = try? Base64.decode(base64.span.bytes, into: &target) else { return }
                let item = SpokenLevels.item(in: Array(audio[..<count]))
                if let item, heardFrom[item] == nil {
                    heardFrom[item] = call.milliseconds + listener.playedOut(after: now).wholeMilliseconds
                }
                listener.take(count, of: item, at: now)
            } else if text.hasPrefix(#"{"event":"mark""#) {
                marks.append(text)
                call.scheduler.after(listener.playedOut(after: now)) { [self] in
                    guard let place = marks.firstIndex(of: text) else { return }
                    feed(marks.remove(at: place))
                }
            } else if text.hasPrefix(#"{"event":"clear""#) {
                listener.clear(at: now)
                let cleared = marks
                marks = []
                call.scheduler.after(.zero) { [self] in for mark in cleared { feed(mark) } }
            }
        }

        func close() async {
            await call.scheduler.onLane { [self] in
                guard isOpen else { return }
                isOpen = false
                call.session.assumeIsolated { $0.mediaClosed(line: 1) }
            }
        }
    }
}
