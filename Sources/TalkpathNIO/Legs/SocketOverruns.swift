import Logging
import TalkpathCore

/// Counts and logs sockets that were closed because their peers exceeded their budgets.
package final class SocketOverruns: Sendable {
    package enum Leg: String, Sendable {
        case telephony, agent
    }

    private let instruments: CallInstruments
    private let clock: SystemClock
    private let logger: Logger
    private let limiter = LogLimiter()

    init(instruments: CallInstruments, clock: SystemClock, logger: Logger) {
        self.instruments = instruments
        self.clock = clock
        self.logger = logger
    }

    func note(_ overrun: WebSocketOverrun, leg: Leg) {
        instruments.overran(leg: leg.rawValue, cause: overrun.rawValue)
        limiter.log("\(leg) \(overrun)", at: clock.now) { repeats in
            logger.warning(
                "A socket was closed because its peer exceeded its message budget",
                metadata: ["leg": "\(leg)", "reason": "\(overrun.words)", "unreported": "\(repeats)"]
            )
        }
    }
}
