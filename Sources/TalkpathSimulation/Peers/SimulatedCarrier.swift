import TalkpathAudio
import TalkpathCore

/// A carrier that knows the true state of the call, and reports it late, twice, out of order or not at all.
final class SimulatedCarrier: Carrier, @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.
    private let world: SimulatedWorld
    private var scheduler: SimulationScheduler { world.scheduler }

    static let callID = "CA01"

    /// The true state of the call.
    private(set) var isUp = false
    private(set) var isAnswered = false
    /// True while the carrier follows other instructions than to stream the call to us.
    private(set) var isRedirected = false
    /// The carrier has taken the caller off a stream of ours at least once.
    private(set) var hasFollowedInstructions = false
    /// True once a party that was dialled for the caller has answered.
    private(set) var isDialAnswered = false
    /// The transfer whose number is dialled, or talks.
    private var dialled: TransferTicket?
    /// Reports on a transfer. Returns the answer to the question what to do with the caller.
    var tellTransfer: (TransferNews, Int) -> TransferSequel = { _, _ in .hangUp }
    private(set) var hangUps = 0
    /// True once our side has been told the carrier's ID of the call.
    private(set) var hasToldName = false {
        didSet { if hasToldName, namedAt == nil { namedAt = scheduler.now } }
    }
    private(set) var namedAt: MonotonicInstant?
    private(set) var firstHangUp: MonotonicInstant?
    /// The time of the latest hang-up that failed temporarily, unless the carrier stated when to retry.
    private(set) var lastHiccup: MonotonicInstant?
    /// True for a carrier that never confirms a hang-up; the others mostly do.
    let isStubborn: Bool
    /// True for a carrier whose reports of an end are lost, nearly all of them.
    private let isMuteInTheEnd: Bool
    var onAnswer: () -> Void = {}
    var onOver: () -> Void = {}
    /// Streams the caller's audio to us once more.
    var onReturn: () -> Void = {}
    /// Reports the progress of a call by its ID. Returns true if our side knows the call.
    var report: (CarrierProgress, String) -> Bool = { _, _ in false }
    /// Reports anything else than the call's progress.
    var reportMore: (CarrierReport, String) -> Void = { _, _ in }
    /// The times at which its reports of the media stream's start and break reached us.
    private(set) var toldStreamBegin: MonotonicInstant?
    private(set) var toldStreamBreak: MonotonicInstant?
    /// The carrier's state of the media stream.
    private var stream = Stream.none

    private enum Stream {
        case none, runs, isOver
    }

    /// The number of hang-up requests for calls that are not ours.
    private(set) var foreignHangUps = 0

    init(_ world: SimulatedWorld) {
        self.world = world
        isMuteInTheEnd = world.scheduler.chance(world.theme == .lastWords ? 30 : 5)
        isStubborn = world.scheduler.chance(isMuteInTheEnd ? 60 : 4)
    }

    /// The call comes in: it rings already.
    func ring() {
        isUp = true
        hasToldName = true
    }

    // MARK: The port

    func place(_ request: PlaceCallRequest) async throws(CarrierError) -> String {
        world.begin("place")
        defer { world.finish("place") }
        world.opening("placing")
        guard await scheduler.sleep(scheduler.milliseconds(0...(scheduler.chance(20) ? 9000 : 300))) else {
            throw CarrierError(.noAnswer, "cancelled")
        }
        let fate =
            switch world.theme {
            case .lateNews: scheduler.pick([14, 25, 60])
            case .lateFailure: 14
            case .longRinging: 60
            case .mixed, .drains, .slowClosing, .transfers, .slowAgent, .silentAgent, .lostAgent, .lastWords:
                scheduler.number(below: 100)
            }
        if fate < 5 { throw CarrierError(.refused, "refused") }
        if fate < 8 { throw CarrierError(.unavailable, "busy") }
        if fate < 11 { throw CarrierError(.noAnswer, "lost") }
        if fate < 13 {
            _ = await scheduler.sleep(nil)
            throw CarrierError(.noAnswer, "cancelled")
        }
        // From here on the call exists, also if the answer is an error.
        isUp = true
        world.note("carrier dials")
        live()
        if fate < 18 {
            let latest = world.theme == .lateFailure ? 9000 : scheduler.pick([0, 6000, 15_000])
            await scheduler.pause(scheduler.milliseconds(0...latest))
            throw CarrierError(.noAnswer, "lost")
        }
        let delay: Duration? = fate < 22 ? nil : scheduler.milliseconds(0...(scheduler.chance(20) ? 9000 : 300))
        if let delay, fate < 32 {
            // Ignores cancellation: the answer comes at its own time.
            await scheduler.pause(delay)
        } else {
            guard await scheduler.sleep(delay) else { throw CarrierError(.noAnswer, "cancelled") }
        }
        hasToldName = true
        return Self.callID
    }

    func hangUp(_ carrierCallID: String) async throws(CarrierError) -> HangUpAnswer {
        hangUps += 1
        firstHangUp = firstHangUp ?? scheduler.now
        lastHiccup = nil
        if carrierCallID != Self.callID { foreignHangUps += 1 }
        world.begin("hang up")
        defer { world.finish("hang up") }
        guard await scheduler.sleep(scheduler.milliseconds(0...(scheduler.chance(15) ? 7000 : 60))) else {
            throw CarrierError(.noAnswer, "cancelled")
        }
        if world.theme == .slowClosing, hangUps == 1 { throw CarrierError(.refused, "not yet") }
        if isStubborn { throw CarrierError(scheduler.pick([.refused, .unavailable, .unauthorized]), "no") }
        switch scheduler.number(below: 20) {
        case 0: throw CarrierError(.unavailable, "later", retryAfter: scheduler.milliseconds(0...8000))
        case 1:
            lastHiccup = scheduler.now
            throw CarrierError(.unavailable, "busy")
        case 2: throw CarrierError(.refused, "no")
        case 3:
            lastHiccup = scheduler.now
            throw CarrierError(.noAnswer, "lost")
        case 4:
            // The carrier takes long to carry it out, even if our side has given up waiting.
            await scheduler.pause(scheduler.milliseconds(0...9000))
        case 5:
            // Carries it out, but does not answer.
            over(.completed)
            _ = await scheduler.sleep(nil)
            throw CarrierError(.noAnswer, "cancelled")
        default: break
        }
        guard isUp else { return .alreadyGone }
        over(.completed)
        return .done
    }

    func redirect(_ carrierCallID: String, to instructions: CarrierInstructions) async throws(CarrierError) {
        world.begin("redirect")
        defer { world.finish("redirect") }
        world.opening("a transfer")
        guard await scheduler.sleep(scheduler.milliseconds(0...(scheduler.chance(15) ? 30_000 : 400))) else {
            throw CarrierError(.noAnswer, "cancelled")
        }
        let fate = scheduler.number(below: 100)
        if fate < 15 { throw CarrierError(scheduler.pick([.refused, .unavailable, .noAnswer]), "no") }
        guard isUp else { throw CarrierError(.refused, "over") }
        follow(instructions)
        if fate < 25 { throw CarrierError(.noAnswer, "lost") }
        if fate < 50 {
            // Ignores cancellation.
            await scheduler.pause(scheduler.milliseconds(0...3000))
            return
        }
        guard
            await scheduler.sleep(fate < (world.theme == .transfers ? 75 : 55) ? nil : scheduler.milliseconds(0...300))
        else {
            throw CarrierError(.noAnswer, "cancelled")
        }
    }

    func limitDuration(of carrierCallID: String, to limit: Duration) async throws(CarrierError) {
        world.begin("limit")
        defer { world.finish("limit") }
        guard await scheduler.sleep(scheduler.chance(10) ? nil : scheduler.milliseconds(0...300)) else {
            throw CarrierError(.noAnswer, "cancelled")
        }
        if scheduler.chance(10) { throw CarrierError(.refused, "no") }
    }

    // MARK: The call's life

    private func live() {
        tell(.initiated)
        scheduler.after(scheduler.milliseconds(0...1500)) { [self] in
            guard isUp else { return }
            tell(.ringing)
            scheduler.after(scheduler.milliseconds(0...2500)) { [self] in
                guard isUp, world.theme != .longRinging else { return }
                if scheduler.chance(20) {
                    let fate = scheduler.pick([CarrierProgress.Fate.busy, .failed, .noAnswer, .canceled])
                    if fate != .canceled { tellMore(.dialFailed(CarrierFault(.dialling, code: 486, "SIP"))) }
                    over(fate)
                } else if scheduler.chance(world.theme == .lateNews ? 60 : 95) {
                    answer()
                }
            }
        }
    }

    /// The callee answers, or the carrier has received our answer to the webhook.
    func answer() {
        guard isUp, !isAnswered else { return }
        isAnswered = true
        world.note("carrier: answered")
        tell(.answered)
        onAnswer()
    }

    // MARK: Transfers

    /// Its stream stops, and it follows its new instructions.
    private func follow(_ instructions: CarrierInstructions) {
        world.note("carrier: redirected")
        isRedirected = true
        hasFollowedInstructions = true
        world.media?.leave()
        if stream == .runs {
            tellMore(.streamStopped)
            stream = .none
        }
        onOver()
        switch instructions {
        case .say: speak()
        case .dial(_, _, let ringTimeout, _, _, let ticket):
            guard let ticket else { return world.violation("a transfer without a ticket") }
            dialled = ticket
            dial(ticket, ringTimeout: ringTimeout)
        }
    }

    /// The carrier says its last words, and hangs up, as far as it does.
    private func speak() {
        guard scheduler.chance(80) else { return }
        let isSlow = world.theme == .lastWords
        scheduler.after(scheduler.milliseconds(isSlow ? 2000...20_000 : 0...4000)) { [self] in over(.completed) }
    }

    private func dial(_ ticket: TransferTicket, ringTimeout: Duration) {
        let failsAtOnce = world.theme == .lastWords && scheduler.chance(90)
        let fate =
            failsAtOnce ? .busy : scheduler.pick([TransferOutcome.answered, .answered, .busy, .noAnswer, .failed])
        let longest = min(ringTimeout.wholeMilliseconds, failsAtOnce ? 300 : 6000)
        let ringing = fate == .noAnswer ? ringTimeout : scheduler.milliseconds(0...max(longest, 1))
        scheduler.after(ringing) { [self] in
            guard isUp, dialled == ticket else { return }
            world.note("carrier: the other number \(fate)")
            guard fate == .answered else { return dialEnds(fate, ticket) }
            isDialAnswered = true
            send(.answered, ticket)
            scheduler.after(scheduler.milliseconds(0...scheduler.pick([3000, 20_000]))) { [self] in
                guard isUp, dialled == ticket else { return }
                dialEnds(.answered, ticket)
            }
        }
    }

    /// The other leg is over: the carrier reports so, and asks what to do with the caller.
    private func dialEnds(_ fate: TransferOutcome, _ ticket: TransferTicket) {
        send(.legEnded(fate), ticket)
        guard !scheduler.chance(8) else {
            // The question does not reach us: the carrier gives up.
            scheduler.after(scheduler.milliseconds(0...8000)) { [self] in over(.completed) }
            return
        }
        scheduler.after(scheduler.milliseconds(0...longestDelayOfNews)) { [self] in
            guard dialled == ticket else { return }
            let sequel = tellTransfer(.ended(fate, callIsOver: false), ticket.transfer)
            world.note("question after \(fate): \(sequel)")
            if scheduler.chance(10) { _ = tellTransfer(.ended(fate, callIsOver: false), ticket.transfer) }
            world.watchEnd()
            guard isUp else { return }
            switch sequel {
            case .connect:
                isRedirected = false
                dialled = nil
                onReturn()
            case .say: speak()
            case .hangUp, .settledBefore: over(.completed)
            }
        }
    }

    /// A webhook: late, twice, or not at all.
    private func send(_ news: TransferNews, _ ticket: TransferTicket) {
        guard !scheduler.chance(10) else { return }
        for _ in 0..<(scheduler.chance(10) ? 2 : 1) {
            scheduler.after(scheduler.milliseconds(0...longestDelayOfNews)) { [self] in
                world.note("webhook \(news)")
                _ = tellTransfer(news, ticket.transfer)
                world.watchEnd()
            }
        }
    }

    // MARK: The media stream

    func streamBegan() {
        guard stream == .none else { return }
        stream = .runs
        tellMore(.streamStarted) { [self] in toldStreamBegin = scheduler.now }
    }

    /// The stream breaks: the socket closes as after a hang-up by the caller, and the call ends.
    func breakStream() {
        guard isUp, stream == .runs, !isRedirected else { return }
        stream = .isOver
        world.note("carrier: the stream breaks")
        tellMore(.streamFailed(CarrierFault(.stream, code: 31924, "broken"))) { [self] in
            toldStreamBreak = scheduler.now
        }
        onOver()
        scheduler.after(scheduler.milliseconds(0...500)) { [self] in over(.completed) }
    }

    private func tellMore(_ report: CarrierReport, whenTold: @escaping () -> Void = {}) {
        guard !isLost(report) else { return }
        scheduler.after(scheduler.milliseconds(0...longestDelayOfNews)) { [self] in
            whenTold()
            reportMore(report, Self.callID)
            world.note("webhook \(report)")
            world.watchEnd()
        }
    }

    /// The call is over; any side may have ended it.
    func over(_ fate: CarrierProgress.Fate) {
        guard isUp else { return }
        isUp = false
        if stream == .runs {
            stream = .isOver
            // When we end a call, some carriers report that our side closed the stream.
            let closed = CarrierReport.streamClosed(CarrierFault(.stream, code: 31921, "closed"))
            tellMore(scheduler.chance(20) ? closed : .streamStopped)
        }
        world.note("carrier: over")
        if let ticket = dialled, scheduler.chance(60) {
            // The caller has hung up while the other number rang, or talked.
            send(.ended(isDialAnswered ? .answered : .canceled, callIsOver: true), ticket)
        }
        tell(.over(fate))
        onOver()
    }

    /// Reports the end of another call for ours, once our side knows our call's ID. The report must have no effect.
    func gossip() {
        let name = world.session.flatMap { $0.assumeIsolated { $0.snapshot().carrierCallID } }
        guard name == Self.callID else { return }
        world.note("gossip")
        let wasLive = world.session.map { $0.assumeIsolated { $0.isLive } }
        _ = report(.over(.completed), "CA99")
        if wasLive != world.session.map({ $0.assumeIsolated { $0.isLive } }) {
            world.violation("another call's news ended this one")
        }
    }

    func dismantle() {
        onAnswer = {}
        onOver = {}
        onReturn = {}
        tellTransfer = { _, _ in .hangUp }
        report = { _, _ in false }
        reportMore = { _, _ in }
    }

    private var longestDelayOfNews: Int {
        switch world.theme {
        case .lateNews: scheduler.pick([6000, 20_000])
        // So late that the call has been answered, and is being ended, when the first of them comes.
        case .lateFailure: scheduler.pick([200, 200, 6000, 20_000])
        // So late that the caller is back from the transfer that they tell of.
        case .transfers: scheduler.pick([200, 200, 3000, 15_000])
        case .mixed, .drains, .slowClosing, .slowAgent, .longRinging, .silentAgent, .lostAgent, .lastWords:
            scheduler.pick([200, 200, 200, 200, 200, 200, 200, 3000, 3000, 15_000])
        }
    }

    private func isLost(_ report: CarrierReport) -> Bool {
        let tellsOfAnEnd =
            switch report {
            case .streamStopped, .streamClosed, .streamFailed: true
            case .streamStarted, .streamWarned, .dialFailed: false
            }
        return scheduler.chance(isMuteInTheEnd && tellsOfAnEnd ? 90 : 10)
    }

    private func isLost(_ progress: CarrierProgress) -> Bool {
        if isMuteInTheEnd, case .over = progress { scheduler.chance(90) } else { scheduler.chance(10) }
    }

    private func tell(_ progress: CarrierProgress) {
        guard !isLost(progress) else { return }
        for _ in 0..<(world.theme == .lateNews || scheduler.chance(10) ? 2 : 1) {
            scheduler.after(
                scheduler.milliseconds(0...longestDelayOfNews)
            ) { [self] in
                let isKnown = report(progress, Self.callID)
                world.note("webhook \(progress) known=\(isKnown)")
                if isKnown { hasToldName = true }
                world.watchEnd()
            }
        }
    }
}
