import Logging
import TalkpathWire

/// Work that takes time; a child task of the session's `run()` each.
enum SessionJob: Sendable {
    case place
    case journal
    case connectAgent(socket: AgentSocketID)
    case limitDuration(String)
    case hangUp(String)
    case closeAgent(any LegConnection, socket: AgentSocketID)
    case closeMedia(any LegConnection, line: Int)
    case save(EndReceipt)
    case update(EndReceipt)
    case tool(AgentToolCall, key: String, AsyncStream<Void>)
    case redirect(String, CarrierInstructions, transfer: Int)
}

/// Between an order and its job, and across every `await`, the call may have ended: each job looks again before it
/// opens anything, and reports its outcome.
extension CallSession {
    func carryOut(_ job: SessionJob) async {
        switch job {
        case .place:
            await place()
        case .journal:
            await journal()
        case .connectAgent(let socket):
            await connectAgent(socket: socket)
        case .limitDuration(let id):
            await limitDuration(of: id)
        case .hangUp(let id):
            await hangUp(id)
        case .closeAgent(let connection, let socket):
            await waitForGoodbye()
            await connection.close()
            capture(.agentLegClosed(socket: socket))
            agentSockets.closed(socket)
            perform(machine.agentIsClosed(socket: socket, at: ports.clock.now))
        case .closeMedia(let connection, let line):
            await connection.close()
            capture(.mediaLegClosed(line: line))
            mediaConnections[line] = nil
            perform(machine.mediaIsClosed(line: line, at: ports.clock.now))
        case .save(let receipt):
            await save(receipt)
        case .update(let receipt):
            await update(receipt)
        case .tool(let call, let key, let notWanted):
            await run(call, key: key, until: notWanted)
        case .redirect(let id, let instructions, let transfer):
            await redirect(id, to: instructions, transfer: transfer)
        }
    }

    // MARK: Carrier

    private func place() async {
        defer { outcome.placementIsKnown() }
        guard let carrier = ports.carrier, machine.isLive else {
            let error = CarrierError(.refused, "ended before it was placed")
            capture(.placingFailed(error))
            perform(machine.placingFailed(error, at: ports.clock.now))
            return
        }
        let isKept = await journal()
        guard isKept, machine.isLive else {
            // A call that no process would find again after a crash must not be placed.
            let error =
                isKept
                ? CarrierError(.refused, "ended before it was placed")
                : CarrierError(.notKept, "the store did not take the call")
            capture(.placingFailed(error))
            outcome.answered(.failure(error))
            perform(machine.placingFailed(error, at: ports.clock.now))
            return
        }
        let request = PlaceCallRequest(
            callID: id,
            tenant: parties.tenant,
            from: parties.from,
            to: parties.to,
            ringTimeout: limits.ringTimeout,
            timeLimit: limits.maxDuration,
            publicURL: parties.publicURL,
            machineDetection: limits.machineDetection
        )
        do {
            let placed = try await carrier.place(request)
            capture(.placed(carrierCallID: placed))
            noteCarrierCallID(placed)
            outcome.answered(.success(placed))
            perform(machine.placed(placed, at: ports.clock.now))
        } catch {
            capture(.placingFailed(error))
            outcome.answered(.failure(error))
            perform(machine.placingFailed(error, at: ports.clock.now))
        }
    }

    private func hangUp(_ id: String) async {
        guard let carrier = ports.carrier else { return }
        let answer: Result<HangUpAnswer, CarrierError>
        do {
            answer = .success(try await carrier.hangUp(id))
        } catch {
            answer = .failure(error)
        }
        capture(.hangUpAnswered(answer))
        perform(machine.hangUpAnswered(answer, at: ports.clock.now))
    }

    // MARK: Agent

    /// Opens a socket, or stops trying as soon as it is not wanted any more.
    private func connectAgent(socket: AgentSocketID) async {
        guard machine.awaitsAgent(socket: socket) else {
            capture(.agentUnwanted(socket: socket))
            perform(machine.agentIsClosed(socket: socket, at: ports.clock.now))
            return
        }
        let (notWanted, attempt) = AsyncStream<Void>.makeStream()
        agentSockets.began(attempt)
        await withDiscardingTaskGroup { group in
            group.addTask {
                await self.openAgent(socket: socket)
                attempt.finish()
            }
            for await _ in notWanted {}
            group.cancelAll()
        }
    }

    private func openAgent(socket: AgentSocketID) async {
        do {
            let connection = try await ports.connector.connect(
                agentInUse.target,
                socket: socket,
                timeout: limits.agentSetupTimeout,
                session: self
            )
            guard machine.holdsAgent(socket: socket) else {
                // Meanwhile the call has ended, or this attempt has been given up.
                await connection.close()
                capture(.agentUnwanted(socket: socket))
                perform(machine.agentIsClosed(socket: socket, at: ports.clock.now))
                return
            }
            agentSockets.opened(connection, socket)
        } catch {
            ports.instruments.note(error)
            capture(.agentConnectFailed(socket: socket, error))
            perform(machine.agentConnectFailed(socket: socket, error, at: ports.clock.now))
        }
    }

    /// At the end of the call, a model that closes its session in order is given time for it, and so is one that has the
    /// caller's last words.
    private func waitForGoodbye() async {
        guard media.value.awaitsGoodbye || media.value.awaitsLastWords else { return }
        await withCheckedContinuation { agentGoodbye.wait($0, at: ports.clock.now) }
    }

    // MARK: Record

    /// The call as it stands, for the process that takes over if this one dies.
    @discardableResult
    private func journal() async -> Bool {
        do {
            try await ports.store.journal(snapshot())
            return true
        } catch is CancellationError {
            // No task waits for it any more; it is written nevertheless.
            return false
        } catch {
            logger.error("A live call could not be written to the journal")
            return false
        }
    }

    private func save(_ receipt: EndReceipt) async {
        do {
            try await ports.store.save(snapshot(with: receipt))
            capture(.recordSaved(isSuccess: true))
            perform(machine.recordSaved(error: nil, at: ports.clock.now))
        } catch is CancellationError {
            // The call has stopped waiting, and has said so; the record is written all the same.
            capture(.recordSaved(isSuccess: false))
            perform(machine.recordSaved(error: "the record was not saved in time", at: ports.clock.now))
        } catch {
            capture(.recordSaved(isSuccess: false))
            logger.error("The record of an ended call could not be saved")
            perform(machine.recordSaved(error: "the store failed", at: ports.clock.now))
        }
    }

    private func update(_ receipt: EndReceipt) async {
        do {
            try await ports.store.update(snapshot(with: receipt))
            capture(.recordUpdated(isSuccess: true))
        } catch is CancellationError {
            capture(.recordUpdated(isSuccess: false))
        } catch {
            capture(.recordUpdated(isSuccess: false))
            logger.error("The record of an ended call could not be brought up to date")
        }
        perform(machine.recordUpdated())
    }
}
