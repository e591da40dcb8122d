import Logging
import TalkpathAudio

/// Transferring the caller to another number.
extension CallSession {
    /// Transfers the caller to another number: see ``transfer(_:)``.
    @discardableResult
    public func transfer(
        to number: String,
        callerID: String? = nil,
        ringTimeout: Duration = .seconds(30),
        mode: EndMode = .drain(timeout: .seconds(10))
    ) async throws(CallCommandError) -> TransferOutcome {
        try await transfer(
            TransferRequest(to: number, callerID: callerID, ringTimeout: ringTimeout, mode: mode)
        )
    }

    /// Transfers the caller. The agent's words are heard first, unless the request says otherwise; then the carrier
    /// dials, and reports the outcome.
    ///
    /// Once the other party has answered, the two talk, and the call goes on without its agent: it can still be ended
    /// here, and ends as `transferred` when either of them hangs up. If the number does not answer, the caller comes
    /// back to the agent, or as the order has it.
    ///
    /// - Returns: `answered`, or `unknown` if the carrier has told nothing within the time that it may ring.
    /// - Throws: `CallCommandError`: `transfer_failed` with its ``CallCommandError/transferOutcome``, `not_live` (also
    ///   if the call ended meanwhile), `not_answered`, `invalid_number`, `no_carrier`, `carrier_error`, `busy`.
    @discardableResult
    public func transfer(_ request: TransferRequest) async throws(CallCommandError) -> TransferOutcome {
        try await transfer(request, isAsked: true)
    }

    /// - Parameter isAsked: from outside, and not by the call's own agent: a capture must know.
    @discardableResult
    func transfer(_ request: TransferRequest, isAsked: Bool) async throws(CallCommandError) -> TransferOutcome {
        try request.check()
        let result = await withCheckedContinuation { continuation in
            if let refusal = machine.transferRefusal {
                continuation.resume(returning: Result<TransferOutcome, CallCommandError>.failure(refusal))
                return
            }
            if isAsked { capture(.transferRequested(request)) }
            talk.transfer = TransferWaiter(continuation: continuation, isAgents: !isAsked)
            beginTransfer(request)
        }
        return try result.get()
    }

    private func beginTransfer(_ request: TransferRequest) {
        let instructions = CarrierInstructions.dial(
            number: request.number,
            callerID: request.callerID,
            ringTimeout: request.ringTimeout
        )
        let plan = CallTransferMachine.Plan(instructions: instructions, onFailure: request.onFailure)
        perform(machine.beginTransfer(plan, mode: request.mode, at: ports.clock.now))
    }

    // MARK: Outcome

    func transferSettled(_ outcome: TransferOutcome) {
        logger.info("A transfer has an outcome", metadata: ["outcome": "\(outcome.rawValue)"])
        talk.transfer?.continuation.resume(returning: .success(outcome))
        talk.transfer = nil
    }

    func transferFailed(_ error: CallCommandError) {
        logger.notice(
            "A transfer has failed",
            metadata: [
                "outcome": "\(error.transferOutcome?.rawValue ?? error.code.rawValue)",
                "reason": "\(error.message.asLogged)",
            ]
        )
        // The agent that asked for it hears of it when there is a caller again to hear the agent.
        if talk.transfer?.isAgents == true, machine.transfer.isReturning { return }
        talk.transfer?.continuation.resume(returning: .failure(error))
        talk.transfer = nil
    }

    /// The caller is with the agent again. The agent gets the reason, and speaks.
    func callerReturned(_ outcome: TransferOutcome) {
        guards.callerReturned()
        if let waiter = talk.transfer {
            // The answer to its function tells the agent.
            waiter.continuation.resume(returning: .failure(CallCommandError(transferFailed: outcome)))
            talk.transfer = nil
            return
        }
        let words =
            "(The caller was to be transferred to another number, but \(outcome.words). The caller is on the line with "
            + "you again. Tell them, and go on.)"
        if machine.isAgentReady {
            tellAgent(words)
        } else {
            talk.debts.functionReturned(words, calledOn: ports.clock.now)
            talk.debts.owe()
        }
    }

    /// A webhook of the carrier about a transfer. On the loop.
    /// - Returns: the carrier's next step for the caller.
    package func transferTold(_ news: TransferNews, transfer: Int, carrierCallID id: String) -> TransferSequel {
        // A report that belongs to another call.
        if let carrierCallID, carrierCallID != id { return .settledBefore }
        capture(.transferTold(news, transfer: transfer))
        perform(machine.transferTold(news, transfer: transfer, at: ports.clock.now))
        if case .ended(_, callIsOver: true) = news {
            perform(machine.progressed(.over(.completed), id: id, at: ports.clock.now))
        }
        return machine.isLive ? machine.transfer.sequel(of: transfer) : .hangUp
    }

    /// A job: asks the carrier.
    func redirect(_ id: String, to instructions: CarrierInstructions, transfer: Int) async {
        guard let carrier = ports.carrier else { return }
        guard machine.isLive else {
            // Ended meanwhile: what is being hung up must not be transferred.
            answered(.failure(CarrierError(.refused, "the call has ended")), transfer: transfer)
            return
        }
        let answer: Result<Void, CarrierError>
        do {
            try await carrier.redirect(id, to: instructions)
            answer = .success(())
        } catch {
            answer = .failure(error)
        }
        capture(.redirectAnswered(answer))
        answered(answer, transfer: transfer)
    }

    private func answered(_ answer: Result<Void, CarrierError>, transfer: Int) {
        perform(machine.redirectAnswered(answer, transfer: transfer, at: ports.clock.now))
    }
}

/// The tasks that wait for a transfer's outcome.
struct TransferWaiter {
    let continuation: CheckedContinuation<Result<TransferOutcome, CallCommandError>, Never>
    /// The call's own agent has asked for it, by its function.
    let isAgents: Bool
}
