import Logging
import TalkpathWire

/// Unusable messages of the call's peers: the first of each kind is logged, all are counted.
struct LoggedFaults {
    private var telephony = false
    private var agent = false
    private var callerAudio = false
    private var agentAudio = false
    private var numbers = false
    /// Codes of the model's errors.
    private var codes: Set<String> = []

    /// So many codes are remembered at most, and no more are logged.
    private static let limit = 32

    /// True if this call has not logged the code before.
    mutating func isNew(_ code: String) -> Bool {
        guard codes.count < Self.limit else { return false }
        return codes.insert(code).inserted
    }

    /// Once a second, and at the end: never more than a line a kind and call.
    mutating func logFirst(of media: CallMedia, to logger: Logger) {
        if let fault = media.counters.firstTelephonyFault, !telephony {
            telephony = true
            logger.warning(
                "A message of the carrier was not understood and dropped; further ones are only counted",
                metadata: ["fault": "\(fault.description.asLogged)"]
            )
        }
        if let fault = media.counters.firstAgentFault, !agent {
            agent = true
            logger.warning(
                "A message of the model was not understood and dropped; further ones are only counted",
                metadata: ["fault": "\(fault.description.asLogged)"]
            )
        }
        if media.uplink.counters.badPayloads > 0, !callerAudio {
            callerAudio = true
            logger.warning("Audio of the caller could not be read; further such messages are only counted")
        }
        if media.downlink.counters.badPayloads > 0, !agentAudio {
            agentAudio = true
            logger.warning("Audio of the model could not be read; further such messages are only counted")
        }
        if media.uplink.counters.resynchronisations > 0, !numbers {
            numbers = true
            logger.notice("The numbers of the carrier's frames jumped or stood still; the stream is followed anew")
        }
    }
}
