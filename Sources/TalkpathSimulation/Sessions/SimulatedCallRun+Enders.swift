import TalkpathAudio
import TalkpathCore

/// Those who want the call to end.
extension SimulatedCallRun {
    func endSomehow() {
        ends += 1
        guard let session = world.session else { return }
        let ender = scheduler.number(below: 9)
        world.note("ender \(ender)")
        switch ender {
        case 0, 1: ask { await session.end(EndRequest(.endedByAPI)) }
        case 2:
            let timeout = scheduler.milliseconds(0...3000)
            ask { await session.end(EndRequest(.endedByAPI, mode: .drain(timeout: timeout))) }
        case 3:
            let manager = manager
            ask {
                switch try? await manager.end(session.id, EndRequest(.endedByAPI)) {
                case .ended(let receipt), .endedBefore(let receipt): receipt
                case .unknown, nil: nil
                }
            }
        case 4: ask { await session.waitForEnd() }
        case 5:
            if kind == .open { media?.farewell() } else { world.carrier.over(.completed) }
        case 6: connector.sockets.last?.useTool("end_call")
        case 7: connector.sockets.last?.vanish()
        default:
            if scheduler.chance(30) { shutDown() }
        }
        world.watchEnd()
    }

    private func ask(_ body: @escaping @Sendable () async -> EndReceipt?) {
        asked += 1
        world.note("asked")
        spawn { [self] in
            let receipt = await body()
            asked -= 1
            world.note("answered")
            if let receipt { receipts.append(receipt) }
        }
    }

    func shutDown() {
        hasShutDown = true
        if manager.assumeIsolated({ $0.activeCalls }) > 0 { world.isGivenUp = true }
        world.note("shut down")
        let manager = manager
        spawn { await manager.shutDown() }
    }
}
