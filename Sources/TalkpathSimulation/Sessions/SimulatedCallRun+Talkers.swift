import TalkpathAudio
import TalkpathCore

/// The parties that send requests to the call while it lasts. Every request must be answered.
extension SimulatedCallRun {
    func talkSomehow() {
        guard let session = world.session else { return }
        let talker = prefersTransfers ? 0 : scheduler.number(below: 10)
        world.note("talker \(talker)")
        switch talker {
        case 0, 1:
            let mode: EndMode = scheduler.chance(50) ? .now : .drain(timeout: scheduler.milliseconds(0...3000))
            var draft = TransferRequest(to: "+15550100123", ringTimeout: scheduler.milliseconds(500...5000), mode: mode)
            if scheduler.chance(world.theme == .lastWords ? 90 : 30) {
                let goodbye = TransferFailurePlan.sayGoodbye("goodbye", language: nil)
                draft.onFailure = scheduler.pick([.hangUp, goodbye, goodbye])
            }
            let transfer = draft
            waitFor(within: transfer.longestWait) { _ = try await session.transfer(transfer) }
            // A second party that does not know of the transfer.
            if world.theme == .transfers, scheduler.chance(40) {
                scheduler.after(scheduler.milliseconds(0...1200)) { [self] in drain(session, within: [300, 1500]) }
            }
        case 2, 3: waitFor { _ = try await session.say("something") }
        case 4: waitFor { _ = try await session.play(Self.silence) }
        case 5: sendDigits(session)
        case 6: mute(session)
        case 7: waitFor { try await session.send(message: "hint", isAnswered: true) }
        case 8:
            let request = DigitRequest(timeout: scheduler.milliseconds(100...9000))
            waitFor { _ = try await session.collectDigits(request) }
        default:
            let answer: AnsweredBy = scheduler.pick([.human, .machine, .unknown])
            session.assumeIsolated { $0.machineDetected(answer) }
        }
        world.watchEnd()
    }

    static let silence = try! AudioClip(
        // 300 ms of silence as a clip.
        format: .telephony,
        bytes: [UInt8](repeating: AudioFormat.telephony.silenceByte, count: 2400)
    )

    private var prefersTransfers: Bool { scheduler.chance(world.theme.transfers) }

    private func sendDigits(_ session: CallSession) {
        world.digits += 1
        waitFor { [world] in
            defer { world.digits -= 1 }
            try await session.sendDigits("12")
        }
    }

    private func mute(_ session: CallSession) {
        let leg: CallLeg = scheduler.pick([.caller, .agent])
        let isMuted = session.assumeIsolated { $0.isMuted(leg) }
        session.assumeIsolated { session in
            if isMuted { try? session.unmute(leg) } else { try? session.mute(leg) }
        }
        // The speech of a muted agent is not continued after unmuting.
        if leg == .agent, !isMuted { world.interrupted.formUnion(world.itemsSoFar) }
    }

    /// - Parameter bound: how long the asker may have to wait.
    private func waitFor(within bound: Duration? = nil, _ body: @escaping @Sendable () async throws -> Void) {
        asked += 1
        let began = scheduler.now
        spawn { [self] in
            try? await body()
            if let bound, scheduler.now - began > bound {
                world.violation("an asker was answered only after \(scheduler.now - began)")
            }
            asked -= 1
        }
    }
}

extension TransferRequest {
    /// Draining, asking, ringing, and a report that does not come.
    fileprivate var longestWait: Duration {
        let draining: Duration = if case .drain(let timeout) = mode { timeout } else { .zero }
        return draining + ringTimeout + .seconds(20 + 10 + 10) + .seconds(1)
    }
}
