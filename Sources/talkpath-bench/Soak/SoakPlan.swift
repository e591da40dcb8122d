import TalkpathSimulation
import TalkpathSimulators

/// The fate and the faults of each call of a soak, derived from the seed and the call's number.
struct SoakPlan: Sendable {
    let seed: UInt64

    enum Ender: Sendable {
        case now, drain, three, callerHangsUp, nobody
    }

    struct Call: Sendable {
        var ender: Ender
        /// The time from the request that places the call to the request that ends it.
        var patience: Duration
        /// The fault of the carrier's REST interface, which the next request meets.
        var fault: RESTFault?
    }

    private struct Chance {
        var random: SplitMix64

        mutating func number(below bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        mutating func percent(_ percent: Int) -> Bool { number(below: 100) < percent }
        mutating func milliseconds(_ longest: Int) -> Duration { .milliseconds(number(below: longest + 1)) }
        mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[number(below: choices.count)] }
    }

    private func chance(_ number: Int, _ salt: UInt64) -> Chance {
        Chance(random: SplitMix64(seed: seed &* 1_000_003 &+ UInt64(number) &* 8 &+ salt))
    }

    func call(_ number: Int) -> Call {
        var chance = chance(number, 0)
        let faults: [RESTFault] = [
            RESTFault(.delay(.milliseconds(700)), on: .create), RESTFault(.answerLate(.milliseconds(700)), on: .create),
            RESTFault(.fail(status: 503, code: 20500, message: "later"), on: .create),
            RESTFault(.performAndDrop, on: .create), RESTFault(.drop, on: .update),
            RESTFault(.fail(status: 503, code: 20500, message: "later"), on: .update),
            RESTFault(.tooManyRequests(retryAfter: 1), on: .update),
            RESTFault(.answerLate(.milliseconds(900)), on: .update),
            RESTFault(.neverAnswer, on: .update), RESTFault(.ignore, on: .update),
            RESTFault(.performAndDrop, on: .update),
        ]
        return Call(
            ender: chance.pick([.now, .now, .now, .drain, .three, .callerHangsUp, .nobody]),
            patience: chance.milliseconds(chance.percent(50) ? 1500 : 300),
            fault: chance.percent(30) ? chance.pick(faults) : nil
        )
    }

    /// The behaviour of the carrier.
    func behavior(_ number: Int) -> CallBehavior {
        var chance = chance(number, 1)
        let outcome: CallBehavior.Outcome =
            switch chance.number(below: 20) {
            case 0: .busy
            case 1: .fails
            case 2, 3: .noAnswer(ringing: chance.milliseconds(1500))
            default: .answers(ringing: chance.milliseconds(300))
            }
        let faults: [CallBehavior.StreamFault] = [
            .vanish(after: chance.milliseconds(800)), .endStream(after: chance.milliseconds(800)), .neverStarts,
            .freezes(after: chance.milliseconds(800)),
        ]
        return CallBehavior(
            outcome: outcome,
            dialing: chance.milliseconds(60),
            streamFault: chance.percent(15) ? chance.pick(faults) : nil
        )
    }

    /// The faults of the model, one for each of the sessions that the call may open.
    func agentFaults(sessions: Int) -> [AgentFault] {
        (0..<sessions).compactMap { session in
            var chance = chance(session, 2)
            guard chance.percent(25) else { return nil }
            let faults: [(AgentFault.Action, AgentFault.Moment)] = [
                (.refuse(status: 503), .handshake), (.pause(.milliseconds(900)), .handshake), (.vanish, .opened),
                (.fallSilent, .setup), (.close(code: 1011, reason: "internal"), .ready),
                (.vanish, .elapsed(chance.milliseconds(900))), (.endStream, .elapsed(chance.milliseconds(900))),
                (.error(code: "session_expired", message: "over"), .elapsed(chance.milliseconds(900))),
                (.goAway(timeLeft: .milliseconds(300)), .elapsed(chance.milliseconds(500))),
            ]
            let (action, moment) = chance.pick(faults)
            return AgentFault(action, at: moment, sessions: session...session)
        }
    }
}
