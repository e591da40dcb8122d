import Logging
import TalkpathWire

/// What the call's peers send that cannot be used: the first of each kind is logged, all are counted.
struct LoggedFaults {
    var telephony = false
    var agent = false
    var callerAudio = false
    var agentAudio = false
    var numbers = false
    /// Codes of the model's errors.
    var codes: Set<String> = []
}

extension CallSession {
    /// Once a second, and at the end: never more than a line a kind and call.
    func logFirstFaults() {
        let media = media.value
        if let fault = media.counters.firstTelephonyFault, !loggedFaults.telephony {
            loggedFaults.telephony = true
            logger.warning(
                "A message of the carrier was not understood and dropped; further ones are only counted",
                metadata: ["fault": "\(fault.description.asLogged)"]
            )
        }
        if let fault = media.counters.firstAgentFault, !loggedFaults.agent {
            loggedFaults.agent = true
            logger.warning(
                "A message of the model was not understood and dropped; further ones are only counted",
                metadata: ["fault": "\(fault.description.asLogged)"]
            )
        }
        if media.uplink.counters.badPayloads > 0, !loggedFaults.callerAudio {
            loggedFaults.callerAudio = true
            logger.warning("Audio of the caller could not be read; further such messages are only counted")
        }
        if media.downlink.counters.badPayloads > 0, !loggedFaults.agentAudio {
            loggedFaults.agentAudio = true
            logger.warning("Audio of the model could not be read; further such messages are only counted")
        }
        if media.uplink.counters.resynchronisations > 0, !loggedFaults.numbers {
            loggedFaults.numbers = true
            logger.notice("The numbers of the carrier's frames jumped or stood still; the stream is followed anew")
        }
    }
}
