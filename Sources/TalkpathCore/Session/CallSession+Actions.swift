import Logging
import TalkpathAudio
import TalkpathWire

/// Carries out the machine's actions. An action that takes time becomes a ``SessionJob``.
extension CallSession {
    func perform(_ actions: [SessionAction]) {
        guard !actions.isEmpty else { return }
        for action in actions { perform(action) }
        media.value.pump()
    }

    private func perform(_ action: SessionAction) {
        switch action {
        case .placeCall:
            jobQueue.yield(.place)
        case .limitDuration(let id):
            jobQueue.yield(.limitDuration(id))
        case .connectAgent(let socket):
            agentSockets.ordered(socket)
            jobQueue.yield(.connectAgent(socket: socket))
        case .dropAgent(let socket):
            media.value.closeSession()
            agentIsGone(socket)
            closeAgent(socket: socket)
        case .changeAgent(let failover):
            changeAgent(failover)
        case .openUplink(let isFirst):
            if !isFirst {
                if !talk.isTakenOver { ports.instruments.agentReopened() }
                takeUpConversation()
            }
            talk.isTakenOver = false
            media.value.agentIsReady(at: ports.clock.now)
            if guards.agent?.isReopening == true { talk.debts.owe() }
            if isFirst { talk.debts.newSessionTold() } else { remindAgent() }
            perform(talk.speech.agentIsReady(at: ports.clock.now))
        case .greet:
            greet(at: ports.clock.now)
        case .stopBridge:
            if let interruption = media.value.stop(awaiting: lastWords, at: ports.clock.now) { cut(interruption) }
            stopTalking()
            sayGoodbye()
        case .redirect(let id, let instructions):
            let ticket = TransferTicket(
                callID: self.id,
                transfer: machine.transferNumber,
                publicURL: parties.publicURL
            )
            jobQueue.yield(.redirect(id, instructions.reporting(to: ticket), transfer: ticket.transfer))
        case .playFallback:
            playFallback()
        case .suspendMedia:
            if let interruption = media.value.suspendLine(at: ports.clock.now) { cut(interruption) }
        case .reopenMedia:
            if let interruption = media.value.awaitLine(at: ports.clock.now) { cut(interruption) }
        case .dropMedia(let line):
            closeMedia(line: line)
        case .transferSettled(let outcome):
            transferSettled(outcome)
        case .transferFailed(let error):
            transferFailed(error)
        case .callerReturned(let outcome):
            callerReturned(outcome)
        case .hangUp(let id):
            jobQueue.yield(.hangUp(id))
        case .closeAgent(let socket):
            closeAgent(socket: socket)
        case .closeMedia:
            for line in mediaConnections.keys.sorted() { closeMedia(line: line) }
        case .saveRecord(let receipt):
            jobQueue.yield(.save(receipt))
        case .updateRecord(let receipt):
            outcome.updated(receipt)
            jobQueue.yield(.update(receipt))
        case .finish(let receipt):
            finish(receipt)
        case .retire:
            agentGoodbye.giveUp()
            media.value.detach()
            // A holder of the session, which wants its receipt, must not hold sockets with it.
            mediaConnections.removeAll()
            agentSockets.removeAll()
            jobQueue.finish()
        case .publish(let kind):
            if case .carrierError(let fault) = kind { log(fault) }
            if case .agentLost(let message) = kind {
                logger.warning("The model's session was lost", metadata: ["reason": "\(message.asLogged)"])
            }
            publish(kind)
        }
    }

    /// A socket agent is told why its call is over; the pump after these actions sends it.
    private func sayGoodbye() {
        guard let end = machine.goodbye(at: ports.clock.now) else { return }
        media.value.goodbye(end)
    }

    private func closeAgent(socket: AgentSocketID) {
        guard let connection = agentSockets.giveUp(socket) else { return }
        jobQueue.yield(.closeAgent(connection, socket: socket))
    }

    private func closeMedia(line: Int) {
        guard let connection = mediaConnections[line] else { return }
        jobQueue.yield(.closeMedia(connection, line: line))
    }

    private func finish(_ receipt: EndReceipt) {
        logger.info(
            "Call ended",
            metadata: [
                "reason": "\(receipt.reason.rawValue)", "duration_ms": "\(receipt.duration.wholeMilliseconds)",
                "teardown_ms": "\(receipt.teardown.wholeMilliseconds)",
                "carrier_confirmed": "\(receipt.carrierConfirmed)",
            ]
        )
        reportCounts()
        publish(.ended(receipt))
        outcome.ended(receipt)
    }

    /// Listeners hear nothing of a call after its end.
    ///
    /// - Parameter isCaptured: false for figures that a capture's audio tells as well.
    func publish(_ kind: CallEvent.Kind, isCaptured: Bool = true) {
        guard receipt == nil else { return }
        if isCaptured { media.value.tap?.note(kind.captured, at: nil) }
        ports.instruments.note(kind, direction)
        ports.events.publish(CallEvent(callID: id, at: ports.clock.now - startedOn, kind: kind))
    }
}
