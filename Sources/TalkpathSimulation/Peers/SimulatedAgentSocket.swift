import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The socket to a model that speaks, is interrupted, uses tools, falls silent or breaks.
final class SimulatedAgentSocket: SimulatedSocket, @unchecked Sendable {
    let number: AgentSocketID
    private let language: AgentLanguage
    private let format: AudioFormat
    /// The media's agent generation while this socket is the call's agent leg. The call ignores sockets of older
    /// generations.
    private var generation: Int?
    private var isConfigured = false
    private var spoken = 0
    private var told: [(item: String, milliseconds: Int)] = []
    /// The item that is being spoken.
    private var speaking: (code: Int, name: String)?
    /// The item that was cut short last.
    private var cut: (code: Int, name: String)?
    private var codes: [String: Int] = [:]

    init(_ world: SimulatedWorld, _ session: CallSession, number: AgentSocketID) {
        self.number = number
        let agent = session.assumeIsolated { $0.presentAgent }
        language = AgentLanguage(provider: agent.provider)
        format = agent.outputFormat
        super.init(world, "agent socket \(number)", session)
    }

    /// True if its messages reach the call.
    var isHeard: Bool { isOpen && generation == session.media.value.agentGeneration }

    /// The session has accepted the socket.
    func wasTaken() {
        generation = session.media.value.agentGeneration
        guard let greeting = language.greeting else { return }
        later(0...50) { $0.say(greeting) }
    }

    // MARK: Messages received

    override func received(_ text: String) {
        if language.isAudio(text) {
            if session.assumeIsolated({ !$0.isLive }) { world.violation("audio to the agent after the end") }
            if !isConfigured { world.violation("audio to an agent that is not ready") }
        } else if language.isConfiguration(text) {
            configured()
        } else if let truncation = language.truncation(text) {
            told.append(truncation)
        } else if language.isRequest(text), scheduler.chance(85) {
            later(50...700) { $0.speak() }
        }
    }

    private func configured() {
        guard scheduler.chance(92) else { return }
        if let leaveTaking = language.leaveTaking, scheduler.chance(5) { later(0...100) { $0.say(leaveTaking) } }
        later(0...world.theme.agentSetup) {
            $0.isConfigured = true
            $0.say($0.language.ready)
        }
        if let handle = language.resumptionHandle, scheduler.chance(50) { later(100...900) { $0.say(handle) } }
        later(200...1500) { $0.speak() }
    }

    // MARK: Messages sent

    private func later(_ range: ClosedRange<Int>, _ body: @escaping (SimulatedAgentSocket) -> Void) {
        scheduler.after(scheduler.milliseconds(range)) { [self] in
            if isOpen { body(self) }
        }
    }

    private func say(_ text: String) {
        guard isHeard else { return }
        guard language.provider == .socket, !text.hasPrefix("{") else {
            return feed(text) { $0.agentReceived($1, at: scheduler.now) }
        }
        feed(bytes: Data(base64Encoded: text).map { Array($0) } ?? []) {
            $0.agentReceived($1, isText: false, at: scheduler.now)
        }
    }

    /// Begins an item, and sends it faster than it plays.
    private func speak() {
        if world.theme == .silentAgent, scheduler.chance(50) { return hear() }
        guard let code = world.nextItem() else { return }
        spoken += 1
        let name = "item_\(number)_\(spoken)"
        codes[name] = code
        speaking = (code, name)
        if let begun = language.responseBegun(item: name) { say(begun) }
        // Audio of the interrupted item may arrive after the start of the next one.
        if let cut, language.provider == .openai, scheduler.chance(30) { sayPiece(of: cut) }
        goOn()
        if scheduler.chance(30) { later(0...900) { $0.goOn() } }
        if scheduler.chance(40) { say(language.words("so \(code % 2)", item: name)) }
        if scheduler.chance(40) { later(100...900) { $0.say($0.language.callersWords("yes", item: "c_\(name)")) } }
        if scheduler.chance(35) { later(0...900) { $0.interrupt() } }
        if scheduler.chance(60) { later(0...1000) { $0.finishItem() } }
        if scheduler.chance(20) { useTool("look_up") }
        if scheduler.chance(3) { useTool("transfer_call", arguments: #"{"to":"sales"}"#) }
        if scheduler.chance(3) {
            // From here on digits are playing, so nothing can be checked about an interruption.
            world.digits += 1
            useTool("send_dtmf", arguments: #"{"digits":"1w2"}"#)
        }
        let isInTrouble = world.theme == .transfers
        if scheduler.chance(isInTrouble ? 12 : 3) { say(language.fault) }
        if scheduler.chance(isInTrouble ? 15 : 5), let leaveTaking = language.leaveTaking { say(leaveTaking) }
        if spoken < 5 { later(1000...2200) { $0.speak() } }
    }

    /// The caller takes a turn.
    private func hear() {
        if let begun = language.callerBegan { say(begun) }
        later(100...900) {
            if let ended = $0.language.callerEnded { $0.say(ended) }
            if $0.scheduler.chance(50) { $0.say($0.language.callersWords("yes", item: "c")) }
        }
    }

    private func goOn() {
        guard let speaking else { return }
        // Now and then a long speech, so that there is something to drain.
        let lengths = scheduler.chance(world.theme.drains) ? [10, 20] : [1, 1, 1, 2, 10]
        for _ in 0..<scheduler.pick(lengths) { sayPiece(of: speaking) }
    }

    private func sayPiece(of item: (code: Int, name: String)) {
        say(language.audio(SpokenLevels.piece(item.code, format), item: item.name))
    }

    private func finishItem() {
        guard let speaking else { return }
        say(language.audioEnded(item: speaking.name))
        say(language.responseEnded(isCancelled: false, item: speaking.name))
        self.speaking = nil
    }

    /// The caller speaks over the agent; audio that is on its way may still arrive.
    private func interrupt() {
        guard session.assumeIsolated({ $0.isLive }), isHeard else { return }
        // An own agent's interruption counts from its `ready` on; before, the call leaves it unread.
        guard isConfigured || language.provider != .socket else { return }
        told = []
        let codes = world.itemsSoFar
        say(language.interruption)
        world.judgeInterruption(told.compactMap { told in self.codes[told.item].map { ($0, told.milliseconds) } })
        world.interrupted.formUnion(codes)
        cut = speaking
        if scheduler.chance(60), let ended = language.callerEnded { later(100...900) { $0.say(ended) } }
        guard speaking != nil else { return }
        if scheduler.chance(60) { goOn() }
        if scheduler.chance(40) { later(1...40) { $0.endInterrupted() } } else { endInterrupted() }
    }

    private func endInterrupted() {
        if scheduler.chance(30) { goOn() }
        say(language.responseEnded(isCancelled: true, item: speaking?.name ?? "none"))
        speaking = nil
    }

    func useTool(_ name: String, arguments: String = "{}") {
        for message in language.tool(name, arguments: arguments) { say(message) }
    }

    func fail() { say(language.fault) }

    override func hasClosed() {
        scheduler.after(.zero) { [session, number, world] in
            session.assumeIsolated { $0.agentClosed(socket: number, reason: "gone") }
            world.watchEnd()
        }
    }
}
