import TalkpathAudio
import TalkpathWire

/// The call's state and its rules, without any I/O.
///
/// Three parts that move independently (carrier, media, agent) and one life. Everything that happens is a mutating
/// method that takes the instant and returns the orders to carry out; deadlines are kept here and fire in
/// ``tick(at:isPlayedOut:)``. The rule that makes endings safe: once the life has left `live` and `draining`, no
/// method orders anything that opens a resource.
///
/// Each part has its file: the beginning, the carrier and the media here; the agent, the ending and the time after the
/// end in extensions.
struct CallSessionMachine: ~Copyable {
    enum Carrier: Equatable {
        /// There is no carrier to hang up: a ring leg, or a media socket without a carrier behind it.
        case absent
        /// To be placed.
        case unplaced
        /// The order is under way; its answer may still be a call.
        case placing
        case queued(String)
        case ringing(String)
        case answered(String)
        /// Over in the carrier's own words.
        case over
        /// The carrier refused to place it: there is no call.
        case refused
        /// The order to place it got no answer: whether there is a call is not known, nor its name.
        case unknown
    }

    enum Life {
        case live
        /// To be ended when the agent's words have played out.
        case draining(EndRequest)
        case ending
        case ended(EndReceipt)
        /// Ended, and nothing is left to wait for.
        case retired(EndReceipt)
    }

    let callID: CallID
    let direction: CallDirection
    let limits: CallLimits
    let connectPolicy: AgentProfile.ConnectPolicy
    let startedAt: WallTime
    let startedOn: MonotonicInstant
    private(set) var answeredOn: MonotonicInstant?
    private(set) var answeredAt: WallTime?
    /// Since when the callee's phone rings; nil where the carrier has not said so.
    private(set) var ringsSince: MonotonicInstant?

    var carrier: Carrier
    var agentMachine: AgentMachine
    var roster: AgentRoster
    var mediaMachine: MediaMachine
    var life: Life = .live

    /// The provider's count, for the receipt.
    private(set) var usage = AgentUsage()
    /// Nil without a price table.
    private let pricing: CallPricing?
    /// The time that the provider bills, if it bills time.
    var account: AgentSessionAccount?
    var hangUpMachine = HangUpMachine()
    var teardownMachine: TeardownMachine
    /// The saved record is being told that the carrier has confirmed the end. Its session stays until it is.
    var isUpdatingRecord = false
    var evidence = CarrierEvidence()
    /// True if the agent alone has requested the end that the call drains for.
    var isAgentsEnd = false
    var transfer = CallTransferMachine()
    let fallback: AgentFallback?
    /// The reason why the model is lost for good, once it is.
    var agentLoss: String?
    var deadlines = SessionDeadlines()
    let observer: (any SessionObserver)?

    init(
        callID: CallID,
        direction: CallDirection,
        carrier: Carrier,
        limits: CallLimits,
        connectPolicy: AgentProfile.ConnectPolicy,
        startedAt: WallTime,
        startedOn: MonotonicInstant,
        agents: [AgentProfile],
        fallback: AgentFallback? = nil,
        pricing: CallPricing? = nil,
        observer: (any SessionObserver)? = nil
    ) {
        self.callID = callID
        self.direction = direction
        self.carrier = carrier
        self.limits = limits
        self.connectPolicy = connectPolicy
        self.startedAt = startedAt
        self.startedOn = startedOn
        self.fallback = fallback
        self.pricing = pricing
        self.observer = observer
        roster = AgentRoster(agents, startedOn: startedOn)
        agentMachine = AgentMachine(limits: limits, renewal: roster.renewal, hasSuccessor: roster.hasNext)
        mediaMachine = MediaMachine(timeout: limits.mediaTimeout)
        teardownMachine = TeardownMachine(limits: limits)
    }

    /// The cost of the call, if it ended now.
    func cost(at now: MonotonicInstant) -> CallCost? {
        pricing?.cost(
            roster.shares(answeredOn: answeredOn, at: now),
            talking: answeredOn.map { now - $0 } ?? .zero,
            hasCarrier: carrier != .absent
        )
    }

    var isLive: Bool {
        switch life {
        case .live, .draining: true
        case .ending, .ended, .retired: false
        }
    }

    /// Live, with audio on the line and no end requested: the guards watch these calls.
    var isInConversation: Bool {
        guard case .live = life else { return false }
        return media == .started
    }

    var isDraining: Bool { if case .draining = life { true } else { false } }

    var isRetired: Bool { if case .retired = life { true } else { false } }

    var status: CallStatus {
        switch life {
        case .live, .draining:
            switch carrier {
            case .answered: return .inProgress
            case .ringing: return .ringing
            case .unplaced, .placing, .queued: return media == .none ? .initiating : .inProgress
            case .absent: return .inProgress
            case .over, .refused, .unknown: return .ending
            }
        case .ending: return .ending
        case .ended(let receipt), .retired(let receipt): return receipt.status
        }
    }

    /// The carrier's name of a call that is not known to be over.
    var carrierCallID: String? {
        switch carrier {
        case .queued(let id), .ringing(let id), .answered(let id): id
        case .absent, .unplaced, .placing, .over, .refused, .unknown: nil
        }
    }

    // MARK: Beginning

    mutating func begin(at now: MonotonicInstant) -> [SessionAction] {
        happened(.begin)
        guard isLive else { return [] }
        deadlines[.maxDuration] = now + limits.maxDuration
        var actions: [SessionAction] = [.publish(.started)]
        switch carrier {
        case .unplaced:
            carrier = .placing
            deadlines[.queue] = now + limits.queueTimeout
            actions.append(.placeCall)
        case .absent:
            setAnswered(at: now)
            mediaMachine.expect(at: now)
            actions += connectAgent(at: now)
        case .placing, .queued, .ringing, .answered, .over, .refused, .unknown:
            // An inbound call: the caller waits while our answer to the webhook is on its way.
            mediaMachine.expect(at: now)
            actions += connectAgent(at: now)
        }
        return actions
    }

    // MARK: Carrier

    /// The carrier has named the call: in its answer, in a webhook or on the media socket, whichever came first.
    mutating func placed(_ id: String, at now: MonotonicInstant) -> [SessionAction] {
        happened(.placed)
        // Even an order that got no answer may have been carried out, as a webhook shows.
        guard carrier == .placing || carrier == .unknown else { return [] }
        carrier = .queued(id)
        switch life {
        case .live, .draining, .retired: return []
        case .ending, .ended: return carrierCallIDIsKnown(id, at: now)
        }
    }

    mutating func placingFailed(_ error: CarrierError, at now: MonotonicInstant) -> [SessionAction] {
        happened(.placingFailed)
        guard carrier == .placing else { return [] }
        carrier = error.code == .noAnswer ? .unknown : .refused
        switch life {
        case .live, .draining:
            let what = error.code == .notKept ? "the call was not placed" : "the carrier did not place the call"
            let fault = CarrierFault(.placing, code: error.carrierCode, error.message)
            let noted = error.code == .notKept ? [] : note(fault)
            return noted + end(EndRequest(.failed, note: "\(what): \(fault.words)"), at: now)
        case .ending, .ended:
            return placingCameToNothing(at: now)
        case .retired:
            return []
        }
    }

    /// A webhook of the carrier. They may come late, twice or out of order: the call only moves forward.
    mutating func progressed(_ progress: CarrierProgress, id: String, at now: MonotonicInstant) -> [SessionAction] {
        happened(.progress(progress))
        // A report that belongs to another call must not end this one.
        if let carrierCallID, carrierCallID != id { return [] }
        var actions = placed(id, at: now)
        switch progress {
        case .initiated:
            return actions
        case .ringing:
            guard carrier == .queued(id) else { return actions }
            carrier = .ringing(id)
            guard isLive else { return actions }
            ringsSince = now
            deadlines[.queue] = nil
            deadlines[.ringing] = now + limits.ringTimeout + .seconds(15)
            actions.append(.publish(.ringing))
            if connectPolicy == .onRinging { actions += connectAgent(at: now) }
        case .answered:
            actions += answered(at: now)
        case .over(let fate):
            actions += isOver(fate, at: now)
        }
        return actions
    }

    private mutating func answered(at now: MonotonicInstant) -> [SessionAction] {
        switch carrier {
        case .queued(let id), .ringing(let id):
            carrier = .answered(id)
        case .absent, .unplaced, .placing, .answered, .over, .refused, .unknown:
            return []
        }
        return noteAnswer(at: now)
    }

    private mutating func noteAnswer(at now: MonotonicInstant) -> [SessionAction] {
        guard isLive, answeredOn == nil else { return [] }
        setAnswered(at: now)
        deadlines[.queue] = nil
        deadlines[.ringing] = nil
        mediaMachine.expect(at: now)
        // A call that we placed was placed with its limit.
        let limit: [SessionAction] =
            direction == .inbound ? carrierCallID.map { [.limitDuration(carrierCallID: $0)] } ?? [] : []
        return [.publish(.answered)] + limit + connectAgent(at: now)
    }

    private mutating func setAnswered(at now: MonotonicInstant) {
        answeredOn = now
        let elapsed = (now - startedOn).wholeMilliseconds
        answeredAt = WallTime(milliseconds: startedAt.milliseconds + Int64(elapsed))
    }

    private mutating func isOver(_ fate: CarrierProgress.Fate, at now: MonotonicInstant) -> [SessionAction] {
        guard carrier != .over else { return [] }
        carrier = .over
        switch life {
        case .live, .draining:
            if let actions = transferOver(at: now) { return actions }
            switch fate {
            case .completed: return end(reasonOfHangup, at: now)
            // These tell of a call that nobody has answered. Words in it are proof of the contrary.
            case .busy where wasStreamed, .noAnswer where wasStreamed, .canceled where wasStreamed:
                return end(reasonOfHangup, at: now)
            case .busy: return end(EndRequest(.busy, note: dialFault), at: now)
            case .failed: return end(EndRequest(.failed, note: dialFault), at: now)
            case .noAnswer: return end(EndRequest(.noAnswer, note: dialFault), at: now)
            case .canceled: return end(EndRequest(.canceled), at: now)
            }
        case .ending, .ended:
            return carrierConfirmed(at: now)
        case .retired:
            return []
        }
    }

    /// The call's media stream has begun, and so the call was answered.
    private var wasStreamed: Bool { media != .none }

    /// The answer of the network beyond the carrier, in words.
    private var dialFault: String? { evidence.faults.last { $0.source == .dialling }?.words }

    // MARK: Media

    var media: SessionState.Media { mediaMachine.state }

    /// The number of the newest media socket, from 1; 0 before the first.
    var mediaLine: Int { mediaMachine.line }

    /// True if the call lives, and its stream may still come.
    var awaitsMedia: Bool { isLive && media == .none }

    /// The reason why nothing can be said to the caller now; nil if they are on the line and will be for a while.
    var lineRefusal: CallCommandError? {
        guard case .live = life else { return .ended }
        return media == .started ? nil : .unanswered
    }

    /// The carrier's socket has begun to stream, or a ring leg is there.
    mutating func streamStarted(
        carrierCallID: String,
        hasSocket: Bool = true,
        at now: MonotonicInstant
    ) -> [SessionAction] {
        happened(.streamStarted)
        guard isLive, mediaMachine.started(hasSocket: hasSocket) else { return [] }
        var actions: [SessionAction] = []
        // Media is proof of an answer, whose webhook may still be under way.
        switch carrier {
        case .placing:
            actions += placed(carrierCallID, at: now)
            actions += answered(at: now)
        case .queued, .ringing:
            actions += answered(at: now)
        case .answered, .absent:
            actions += noteAnswer(at: now)
        case .unplaced, .over, .refused, .unknown:
            break
        }
        actions.append(.publish(.mediaStarted))
        actions += connectAgent(at: now)
        actions += callerIsBack(at: now)
        return actions + greetIfDue()
    }

    mutating func streamStopped(at now: MonotonicInstant) -> [SessionAction] {
        happened(.streamStopped)
        // The former socket's.
        guard !transfer.isReturning, mediaMachine.stopped() else { return [] }
        switch life {
        case .live, .draining: return streamEndedForTransfer(at: now) ?? end(reasonOfHangup, at: now)
        case .ending: return goodbyeCame(at: now)
        case .ended, .retired: return []
        }
    }

    /// A media socket is gone, closed by either side.
    ///
    /// - Parameter closed: its number; the present one's by default.
    mutating func mediaIsClosed(line closed: Int? = nil, at now: MonotonicInstant) -> [SessionAction] {
        happened(.mediaClosed)
        guard let closing = mediaMachine.closed(line: closed) else { return formerLineIsClosed(at: now) }
        switch life {
        case .live, .draining:
            if let actions = streamEndedForTransfer(at: now) { return actions }
            switch closing {
            case .afterStop: return end(reasonOfHangup, at: now)
            case .abrupt: return end(EndRequest(.mediaLost, note: evidence.streamFault?.words), at: now)
            }
        case .ending:
            return mediaCameToItsEnd(at: now)
        case .ended, .retired:
            return []
        }
    }

    // MARK: Time

    /// - Parameter isPlayedOut: true if the agent's words have been heard; asked only while draining.
    mutating func tick(at now: MonotonicInstant, isPlayedOut: () -> Bool) -> [SessionAction] {
        var actions: [SessionAction] = []
        if case .draining(let request) = life, isPlayedOut() {
            actions += end(EndRequest(request.reason, mode: .now, note: request.note), at: now)
        }
        actions += transferTick(at: now, isPlayedOut: isPlayedOut)
        while let reason = takeDue(at: now) {
            actions += fired(reason, at: now)
        }
        return actions
    }

    /// The model has counted more tokens.
    mutating func agentUsed(_ more: AgentUsage) {
        usage.add(more)
        roster.used(more)
    }

    /// The instant at which the first timer of all parts fires.
    var nextDeadline: MonotonicInstant? {
        let live = Self.earliest(agentMachine.deadlines.next, mediaMachine.deadlines.next)
        let over = Self.earliest(teardownMachine.deadlines.next, hangUpMachine.deadlines.next)
        return Self.earliest(deadlines.next, Self.earliest(live, over))
    }

    private static func earliest(_ one: MonotonicInstant?, _ other: MonotonicInstant?) -> MonotonicInstant? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }

    /// Disarms the first timer of all parts that is due.
    private mutating func takeDue(at now: MonotonicInstant) -> SessionDeadline? {
        guard let next = nextDeadline, next <= now else { return nil }
        let due = [
            deadlines.first(at: next), agentMachine.deadlines.first(at: next), mediaMachine.deadlines.first(at: next),
            hangUpMachine.deadlines.first(at: next), teardownMachine.deadlines.first(at: next),
        ]
        guard let first = due.compactMap(\.self).min(by: { $0.rawValue < $1.rawValue }) else { return nil }
        deadlines[first] = nil
        agentMachine.disarm(first)
        mediaMachine.disarm(first)
        hangUpMachine.disarm(first)
        teardownMachine.disarm(first)
        return first
    }

    private mutating func fired(_ reason: SessionDeadline, at now: MonotonicInstant) -> [SessionAction] {
        happened(.timer(reason))
        switch reason {
        case .maxDuration:
            return end(EndRequest(.maxDuration), at: now)
        case .queue:
            return end(EndRequest(.queueTimeout, note: "the carrier did not begin to dial in time"), at: now)
        case .ringing:
            return end(EndRequest(.noAnswer), at: now)
        case .media:
            return end(EndRequest(.mediaLost, note: "the carrier's media did not begin"), at: now)
        case .agentSetup:
            return agentSetupTimedOut(at: now)
        case .agentRetry:
            return agentRetryIsDue(at: now)
        case .drain:
            guard case .draining(let request) = life else { return [] }
            return end(EndRequest(request.reason, mode: .now, note: request.note), at: now)
        case .transfer:
            return transferIsDue(at: now)
        case .renewal:
            return agentRenewalIsDue(at: now)
        case .hangUp, .hangUpRetry, .closeAgent, .goodbye, .closeMedia, .streamReport, .saveRecord:
            return firedWhileEnding(reason, at: now)
        case .lateHangUp, .lateName, .updateRecord:
            return firedAfterEnd(reason, at: now)
        }
    }
}
