import TalkpathAudio
import TalkpathCore

/// A telephone company with its own truth about the call, which it tells late, twice, out of order or not at all.
final class SimulatedCarrier: Carrier, @unchecked Sendable {
    // Unchecked: all of it happens on the scheduler's one thread.
    private let world: SimulatedWorld
    private var scheduler: SimulationScheduler { world.scheduler }

    static let callID = "CA01"

    /// The call's truth.
    private(set) var isUp = false
    private(set) var isAnswered = false
    private(set) var hangUps = 0
    /// Our side has been told the call's name.
    private(set) var hasToldName = false
    /// Asked to hang up, it will say so most of the time; this one never does.
    let isStubborn: Bool
    var onAnswer: () -> Void = {}
    var onOver: () -> Void = {}
    var report: (CarrierProgress) -> Bool = { _ in false }

    init(_ world: SimulatedWorld) {
        self.world = world
        isStubborn = world.scheduler.chance(4)
    }

    /// The call comes from outside: it rings here already.
    func ring() {
        isUp = true
        hasToldName = true
    }

    // MARK: The port

    func place(_ order: PlaceOrder) async throws(CarrierError) -> String {
        world.begin("place")
        defer { world.finish("place") }
        world.opening("placing")
        guard await scheduler.sleep(scheduler.milliseconds(0...(scheduler.chance(20) ? 9000 : 300))) else {
            throw CarrierError(.noAnswer, "cancelled")
        }
        let fate = scheduler.number(below: 100)
        if fate < 5 { throw CarrierError(.refused, "refused") }
        if fate < 8 { throw CarrierError(.unavailable, "busy") }
        if fate < 11 { throw CarrierError(.noAnswer, "lost") }
        // From here on the call exists, whatever is answered.
        isUp = true
        world.note("carrier dials")
        live()
        if fate < 16 { throw CarrierError(.noAnswer, "lost") }
        let delay: Duration? = fate < 20 ? nil : scheduler.milliseconds(0...(scheduler.chance(20) ? 9000 : 300))
        guard await scheduler.sleep(delay) else { throw CarrierError(.noAnswer, "cancelled") }
        hasToldName = true
        return Self.callID
    }

    func hangUp(_ carrierCallID: String) async throws(CarrierError) -> HangUpAnswer {
        hangUps += 1
        world.begin("hang up")
        defer { world.finish("hang up") }
        guard await scheduler.sleep(scheduler.milliseconds(0...(scheduler.chance(15) ? 7000 : 60))) else {
            throw CarrierError(.noAnswer, "cancelled")
        }
        if isStubborn { throw CarrierError(scheduler.pick([.refused, .unavailable, .unauthorized]), "no") }
        switch scheduler.number(below: 20) {
        case 0: throw CarrierError(.unavailable, "later", retryAfter: scheduler.milliseconds(0...8000))
        case 1: throw CarrierError(.unavailable, "busy")
        case 2: throw CarrierError(.refused, "no")
        case 3: throw CarrierError(.noAnswer, "lost")
        case 4:
            // Carried out, and not answered.
            over(.completed)
            _ = await scheduler.sleep(nil)
            throw CarrierError(.noAnswer, "cancelled")
        default: break
        }
        guard isUp else { return .alreadyGone }
        over(.completed)
        return .done
    }

    // MARK: The call's life

    private func live() {
        tell(.initiated)
        scheduler.after(scheduler.milliseconds(0...1500)) { [self] in
            guard isUp else { return }
            tell(.ringing)
            scheduler.after(scheduler.milliseconds(0...2500)) { [self] in
                guard isUp else { return }
                if scheduler.chance(20) {
                    over(scheduler.pick([.busy, .failed, .noAnswer, .canceled]))
                } else if scheduler.chance(95) {
                    answer()
                }
            }
        }
    }

    /// The callee answers, or our answer to the webhook has reached the carrier.
    func answer() {
        guard isUp, !isAnswered else { return }
        isAnswered = true
        world.note("carrier: answered")
        tell(.answered)
        onAnswer()
    }

    /// The call is over, by whomever.
    func over(_ fate: CarrierProgress.Fate) {
        guard isUp else { return }
        isUp = false
        world.note("carrier: over")
        tell(.over(fate))
        onOver()
    }

    private func tell(_ progress: CarrierProgress) {
        guard !scheduler.chance(10) else { return }
        for _ in 0..<(scheduler.chance(10) ? 2 : 1) {
            scheduler.after(scheduler.milliseconds(0...(scheduler.chance(20) ? 3000 : 200))) { [self] in
                let isKnown = report(progress)
                world.note("webhook \(progress) known=\(isKnown)")
                if isKnown { hasToldName = true }
                world.watchEnd()
            }
        }
    }
}
