import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// One socket of either leg: receives messages, and takes its time to close.
class SimulatedSocket: LegSink, LegConnection, @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.
    let world: SimulatedWorld
    let name: String
    let session: CallSession
    private(set) var isOpen = true

    var scheduler: SimulationScheduler { world.scheduler }

    init(_ world: SimulatedWorld, _ name: String, _ session: CallSession) {
        self.world = world
        self.name = name
        self.session = session
        world.begin(name)
    }

    func drain(_ outbox: inout MessageOutbox) {
        outbox.drainMessages { message, isBinary in
            let text =
                isBinary ? AgentLanguage.binary : message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            if isOpen { received(text) }
        }
    }

    func received(_ text: String) {}

    func hasClosed() {}

    /// The far end, or the network, closes the socket. On the lane.
    func vanish() {
        guard isOpen else { return }
        isOpen = false
        world.finish(name)
        hasClosed()
        world.watchEnd()
    }

    /// Draws whether this close takes seconds instead of milliseconds.
    func closesSlowly() -> Bool { world.theme == .slowClosing || scheduler.chance(10) }

    /// Draws the longest that a slow close takes, in milliseconds.
    func slowestClose() -> Int { scheduler.pick([6000, 6000, 60_000]) }

    func close() async {
        guard isOpen else { return }
        world.note("close \(name)")
        await scheduler.pause(scheduler.milliseconds(0...(closesSlowly() ? slowestClose() : 10)))
        _ = await scheduler.onLane { self.vanish() }
    }

    func feed(_ text: String, _ body: (CallMedia, RawSpan) -> Void) {
        feed(bytes: Array(text.utf8), body)
    }

    func feed(bytes: [UInt8], _ body: (CallMedia, RawSpan) -> Void) {
        body(session.media.value, bytes.span.bytes)
        session.assumeIsolated { $0.handleMediaEvents(at: scheduler.now) }
        session.media.value.pump()
        world.watchEnd()
    }
}
