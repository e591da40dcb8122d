import TalkpathAudio

/// Handing a call over to somebody else.
extension CallSession {
    /// Hands the caller over to another number: see ``transfer(_:)``.
    @discardableResult
    public func transfer(
        to number: String,
        callerID: String? = nil,
        ringTimeout: Duration = .seconds(30),
        mode: EndMode = .drain(timeout: .seconds(10))
    ) async throws(CallCommandError) -> EndReceipt {
        try await transfer(
            TransferOrder(to: number, callerID: callerID, ringTimeout: ringTimeout, mode: mode)
        )
    }

    /// Hands the caller over. The agent's words are heard first, unless told otherwise; then the carrier is asked to
    /// dial. Once it has agreed the call is its own and ends here as `transferred`, without being hung up; if it
    /// refuses, the call goes on.
    ///
    /// - Returns: the receipt of this call's end, which is a success of its own.
    /// - Throws: `CallCommandError`: `not_live` (also if the call ended otherwise meanwhile), `not_answered`,
    ///   `invalid_number`, `no_carrier`, `carrier_error`, `busy`.
    @discardableResult
    public func transfer(_ order: TransferOrder) async throws(CallCommandError) -> EndReceipt {
        try await transfer(order, isAsked: true)
    }

    /// - Parameter isAsked: from outside, and not by the call's own agent: a capture must know.
    @discardableResult
    func transfer(_ order: TransferOrder, isAsked: Bool) async throws(CallCommandError) -> EndReceipt {
        try order.check()
        let failure: CallCommandError? = await withCheckedContinuation { continuation in
            if let refusal = machine.handoverRefusal {
                continuation.resume(returning: refusal)
                return
            }
            if isAsked { capture(.transferRequested(order)) }
            talk.transfer = continuation
            beginTransfer(order)
        }
        if let failure { throw failure }
        let receipt = await waitForEnd()
        guard receipt.reason == .transferred else { throw .ended }
        return receipt
    }

    /// Begins to hand the caller over, for nobody who waits; does nothing if it cannot be done.
    func beginTransfer(_ order: TransferOrder) {
        let instructions = CarrierInstructions.dial(
            number: order.number,
            callerID: order.callerID,
            ringTimeout: order.ringTimeout
        )
        perform(machine.handOver(instructions, mode: order.mode, at: ports.clock.now))
    }

    func transferFailed(_ error: CarrierError) {
        talk.transfer?.resume(returning: CallCommandError(.carrierError, error.message))
        talk.transfer = nil
    }

    /// A job: asks the carrier.
    func redirect(_ id: String, to instructions: CarrierInstructions) async {
        guard let carrier = ports.carrier else { return }
        guard machine.isLive else {
            // Ended meanwhile: what is being hung up must not be handed over.
            perform(
                machine.redirectAnswered(.failure(CarrierError(.refused, "the call has ended")), at: ports.clock.now)
            )
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
        perform(machine.redirectAnswered(answer, at: ports.clock.now))
    }
}
