import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// One replay: the real manager, session, pipelines and codecs. A capture gives the input and its times.
final class ReplayRun {
    let world: ReplayWorld
    private let capture: Capture
    private let manager: CallLane
    private var session: CallSession?
    private var hasReturned = Flag()
    private var openLines: Set<Int> = []
    /// The number of the newest media socket.
    private var line = 0

    private var scheduler: ReplayScheduler { world.scheduler }

    /// The virtual time that a call has to end after the capture's end.
    private static let patience = Duration.seconds(60)

    init(_ capture: Capture) {
        self.capture = capture
        let longest = capture.records.reduce(0) {
            max($0, $1.message.map { $0.prefix.count + 2 * $0.audioByteCount } ?? 0)
        }
        world = ReplayWorld(capture.facts, longestMessage: longest)
        let facts = capture.facts
        var ports = CallSession.Ports(
            carrier: facts.hasCarrier ? world : nil,
            connector: world,
            store: world,
            events: world,
            // A model may call functions that were not offered, and the recorded answer counts.
            tools: world,
            clock: world,
            logger: Logger(label: "replay") { _ in SwiftLogNoOpLogHandler() },
            captures: world.recorder
        )
        if facts.hasToolEndpoints { ports.toolEndpoints = world }
        ports.builtInTools = world
        manager = CallLane(ports: ports, identifiers: world, executor: world.scheduler.lane)
    }

    /// - Parameter pace: called before each record with its time since the call began; a caller that replays in real
    ///   time waits there.
    /// - Returns: the number of the replayed call's own records at the end of the capture.
    func play(pace: ((Duration) -> Void)? = nil) throws -> Int {
        try begin()
        for record in capture.records {
            pace?(record.at)
            scheduler.now = max(scheduler.now, ReplayWorld.origin + record.at)
            // After this record the call had nothing more to record.
            if record.kind == .finished { break }
            scheduler.onLane { take(record) }
            scheduler.settle()
            world.collect()
        }
        if capture.ending == .whole { finish() }
        let count = world.records.count
        if capture.ending != .whole { finish() }
        return count
    }

    private func begin() throws {
        let facts = capture.facts
        let manager = manager
        session = try scheduler.onLane {
            try manager.assumeIsolated { manager in
                switch facts.direction {
                case .outbound:
                    try manager.start(OutboundCall(from: "", to: "", agent: facts.agent, limits: facts.limits))
                case .inbound:
                    try manager.session(
                        manager.accept(
                            InboundCall(
                                from: "",
                                to: "",
                                carrierCallID: facts.carrierCallID,
                                agent: facts.agent,
                                limits: facts.limits
                            )
                        )
                    )
                }
            }
        }
        Task(executorPreference: scheduler.pool) { [hasReturned] in
            await manager.run()
            hasReturned.isSet = true
        }
        scheduler.settle()
        world.collect()
    }

    /// Ends the replay after the capture's last record; ends the call too, if it is still live.
    private func finish() {
        world.answers.finish()
        let limit = scheduler.now + Self.patience
        var isAskedToStop = false
        while scheduler.now < limit {
            scheduler.settle()
            world.collect()
            let isLeft = scheduler.onLane { manager.assumeIsolated { $0.activeCalls } } > 0
            let isLate = scheduler.now > limit - Self.patience / 2
            if !isLeft || isLate || capture.ending != .whole, !isAskedToStop {
                isAskedToStop = true
                let manager = manager
                Task(executorPreference: scheduler.pool) { await manager.shutDown() }
                continue
            }
            if hasReturned.isSet { break }
            scheduler.now += .milliseconds(20)
            let now = scheduler.now
            if let session { scheduler.onLane { session.assumeIsolated { $0.tick(at: now) } } }
        }
        world.collect()
    }

    // MARK: Records

    private func take(_ record: CaptureRecord) {
        guard let session else { return }
        let now = scheduler.now
        switch record.kind {
        case .telephonyIn:
            guard let bytes = record.message?.bytes else { return }
            session.media.value.telephonyReceived(bytes.span.bytes, at: now)
        case .agentIn:
            guard let bytes = record.message?.bytes else { return }
            hear(bytes, session, at: now)
        case .agentAudioIn:
            guard case .bytes(let audio)? = record.message?.audio else { return }
            hear(audio, isText: false, session, at: now)
        case .tick:
            session.assumeIsolated { $0.tick(at: now) }
        case .pump:
            session.media.value.pump()
        case .note:
            session.assumeIsolated { $0.handleMediaEvents(at: now) }
        case .event:
            if let event = record.event { take(event, session) }
        case .facts, .telephonyOut, .agentOut, .agentAudioOut, .gap, .finished:
            break
        }
    }

    /// Handles a message as the model's socket does.
    private func hear(_ bytes: [UInt8], isText: Bool = true, _ session: CallSession, at now: MonotonicInstant) {
        let media = session.media.value
        guard world.agentLegs.values.contains(where: { $0.generation == media.agentGeneration }) else { return }
        media.agentReceived(bytes.span.bytes, isText: isText, at: now)
        if !media.events.isEmpty { session.assumeIsolated { $0.handleMediaEvents(at: now) } }
    }

    private func ask(_ event: CaptureEvent, _ session: CallSession) {
        Task(executorPreference: scheduler.pool) { await session.ask(event) }
    }

    private func take(_ event: CaptureEvent, _ session: CallSession) {
        switch event {
        case .placed, .placingFailed: world.answers.answer(.place, event)
        case .redirectDone, .redirectFailed: world.answers.answer(.redirect, event)
        case .hangUpAnswered, .hangUpFailed: world.answers.answer(.hangUp, event)
        case .toolAnswered(let id, _): world.answers.answer(.tool(id: id), event)
        case .recordSaved: world.answers.answer(.saveRecord, event)
        case .recordUpdated: world.answers.answer(.updateRecord, event)
        case .mediaLegClosed(let line): world.answers.answer(.closeMedia(line: line), event)
        case .transferTold(let news, let transfer):
            let id = session.assumeIsolated { $0.carrierCallID } ?? ""
            session.assumeIsolated { _ = $0.transferTold(news, transfer: transfer, carrierCallID: id) }
        case .agentLegClosed(let socket): world.answers.answer(.closeAgent(socket: socket), event)
        case .agentOpened(let socket), .agentUnwanted(let socket), .agentConnectFailed(let socket, _):
            world.answers.answer(.connectAgent(socket: socket), event)
        case .carrierReported(let report, let id):
            session.assumeIsolated { $0.carrierReported(report, carrierCallID: id) }
        case .progressed(let progress, let id):
            session.assumeIsolated { $0.carrierProgressed(progress, carrierCallID: id) }
        case .machineDetected(let answer):
            session.assumeIsolated { $0.machineDetected(answer) }
        case .mediaOpened(let id):
            let leg = ReplayLeg(world, closing: .closeMedia(line: line + 1))
            guard let opened = session.assumeIsolated({ $0.mediaOpened(leg, sink: leg, carrierCallID: id) }) else {
                return
            }
            line = opened
            openLines.insert(opened)
        case .mediaClosed(let line):
            if openLines.remove(line) != nil { session.assumeIsolated { $0.mediaClosed(line: line) } }
        case .agentClosed(let socket, let reason):
            world.agentLegs[socket] = nil
            session.assumeIsolated { $0.agentClosed(socket: socket, reason: reason) }
        case .endRequested(let request):
            session.assumeIsolated { $0.requestEnd(request) }
        case .givenUp:
            session.assumeIsolated { $0.giveUp() }
        case .hurried(let bound):
            session.assumeIsolated { $0.hurry(within: bound) }
        case .muted, .unmuted, .messageSent, .sayRequested, .clipRequested, .digitsRequested, .collectionRequested,
            .transferRequested:
            ask(event, session)
        case .published, .ended:
            break
        }
    }
}

private final class Flag: @unchecked Sendable {
    // Unchecked: see the scheduler.
    var isSet = false
}
