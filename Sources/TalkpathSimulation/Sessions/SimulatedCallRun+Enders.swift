import TalkpathAudio
import TalkpathCore

/// The parties that end the call, and those that only wait for its end.
extension SimulatedCallRun {
    /// - Parameters:
    ///   - patience: the number of times that a draining ender waits for the agent to begin speaking.
    ///   - drains: whether it is an ender that lets the agent finish; chosen at random if `nil`.
    func endSomehow(patience: Int = 12, drains: Bool? = nil) {
        guard let session = world.session else { return }
        let isDrain = drains ?? prefersDrains
        if isDrain, patience > 0, session.assumeIsolated({ $0.isLive }), world.media?.waitingSpeech() ?? 1 == 0 {
            scheduler.after(.milliseconds(250)) { [self] in endSomehow(patience: patience - 1, drains: drains) }
            return
        }
        let ender = isDrain ? scheduler.pick([2, 2, 6, 5, 7, 13]) : scheduler.number(below: 15)
        world.note("ender \(ender)")
        switch ender {
        case 0, 1:
            world.note(.now)
            ask(within: .zero) { await session.end(EndRequest(.endedByAPI)) }
        case 2: drain(session)
        case 3: endByName(session)
        case 4: ask { await session.waitForEnd() }
        case 5: hangUp()
        case 6, 14: endByTool(session)
        case 7:
            if isAgentHeard { world.note(.agentGone) }
            connector.sockets.last?.vanish()
        case 8:
            if isAgentHeard { world.note(.agentFault) }
            connector.sockets.last?.fail()
        case 9: waitForPlacement(session)
        case 10: endImpatiently(session)
        case 11:
            // Ends the call as a ring leg's embedder or a guard does: without waiting.
            world.note(.guards)
            expect(.idleTimeout, of: session) { session.assumeIsolated { $0.requestEnd(EndRequest(.idleTimeout)) } }
        case 12: world.carrier.gossip()
        default:
            let isCertain = world.theme == .lostAgent || world.theme.isAboutTransfers
            guard isCertain || scheduler.chance(50) else { return }
            world.note(.shutdown)
            shutDown(mode: scheduler.chance(30) ? .drain(timeout: scheduler.milliseconds(0...3000)) : .now)
        }
        world.watchEnd()
    }

    /// An end soon after the caller's return from a transfer, while its news and its line are on their way.
    func endAfterReturn() {
        switch world.theme {
        case .transfers where scheduler.chance(40):
            scheduler.after(scheduler.milliseconds(300...3000)) { [self] in endSomehow(drains: true) }
        case .lastWords where scheduler.chance(60):
            let end: () -> Void = scheduler.chance(50) ? { [self] in hangUp() } : { [self] in endSomehow() }
            scheduler.after(scheduler.milliseconds(0...3000), end)
        default: break
        }
    }

    func drain(_ session: CallSession, within timeouts: [Int] = [300, 3000, 9000]) {
        world.note(.drain)
        let timeout = scheduler.milliseconds(0...scheduler.pick(timeouts))
        ask(within: timeout) { await session.end(EndRequest(.endedByAPI, mode: .drain(timeout: timeout))) }
    }

    private var prefersDrains: Bool { scheduler.chance(world.theme.drains) }

    /// True if the latest socket to the model reaches the call.
    private var isAgentHeard: Bool { connector.sockets.last?.isHeard ?? false }

    /// The agent calls `end_call`.
    private func endByTool(_ session: CallSession) {
        if isAgentHeard { world.note(.agentsTool) }
        guard expect(.agentHangup, of: session, { connector.sockets.last?.useTool("end_call") }) else { return }
        scheduler.after(limits.drainTimeout + tickInterval + .milliseconds(2)) { [world] in
            if session.assumeIsolated({ $0.isLive }) { world.violation("a drain lasts longer than it may") }
        }
    }

    /// If `body` ends a live call, then `reason` must be the reason of its end.
    /// - Returns: true if it ended a live call.
    @discardableResult
    private func expect(_ reason: EndReason, of session: CallSession, _ body: () -> Void) -> Bool {
        let wasLive = session.assumeIsolated { $0.state.life } == .live
        body()
        guard wasLive, session.assumeIsolated({ $0.state.life }) != .live else { return false }
        world.expectedReason = reason
        return true
    }

    /// The caller hangs up.
    private func hangUp() {
        world.note(.callerHangUp)
        if kind == .open { world.media?.goodbye() } else { world.carrier.over(.completed) }
    }

    private func endByName(_ session: CallSession) {
        let (manager, id) = (front, session.id)
        ask {
            switch try? await manager.end(id, EndRequest(.endedByAPI)) {
            case .ended(let receipt), .endedBefore(let receipt): receipt
            case .unknown, nil: nil
            }
        }
    }

    /// An asker that stops waiting does not stop the end.
    private func endImpatiently(_ session: CallSession) {
        let asker = ask { await session.end(EndRequest(.endedByAPI)) }
        scheduler.after(scheduler.milliseconds(0...200)) { asker.cancel() }
    }

    private func waitForPlacement(_ session: CallSession) {
        asked += 1
        spawn { [self] in
            let placement = await session.waitForPlacement()
            asked -= 1
            if case .success(let id) = placement, id != SimulatedCarrier.callID {
                world.violation("placed under another name")
            }
        }
    }

    /// - Parameter drain: the time by which a drain may delay the requested end; `nil` if no end is requested.
    @discardableResult
    private func ask(
        within drain: Duration? = nil,
        _ body: @escaping @Sendable () async -> EndReceipt?
    ) -> Task<Void, Never> {
        asked += 1
        world.note("asked")
        let began = scheduler.now
        return spawn { [self] in
            let receipt = await body()
            asked -= 1
            world.note("answered")
            if let drain, scheduler.now - began > drain + limits.endBound + Self.slowness {
                world.violation("an asker was answered only after \(scheduler.now - began)")
            }
            if let receipt { receipts.append(receipt) }
        }
    }

    /// The delay that threads and ticks may add.
    private static let slowness = Duration.milliseconds(600)

    func shutDown(mode: EndMode) {
        hasShutDown = true
        if manager.assumeIsolated({ $0.activeCalls }) > 0 { world.isGivenUp = true }
        world.note("shut down")
        let front = front
        spawn { await front.shutDown(mode: mode) }
    }
}
