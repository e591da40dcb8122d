import Logging
import TalkpathCore

/// Logs the beginning of every call at `info`: placed or received, ringing, answered. The session itself logs the end.
///
/// Lines name the call and its tenant, never a phone number or a transcript.
struct CallLog: CallEventSink {
    let logger: Logger

    func placed(_ call: CallID, tenant: String) {
        logger.info("An outbound call was placed", metadata: ["call_id": "\(call)", "tenant": "\(tenant)"])
    }

    func received(_ call: CallID, tenant: String) {
        logger.info("An inbound call has arrived", metadata: ["call_id": "\(call)", "tenant": "\(tenant)"])
    }

    /// Called on the call's loop.
    func publish(_ event: CallEvent) {
        switch event.kind {
        case .ringing:
            logger.info("The call is ringing", metadata: ["call_id": "\(event.callID)"])
        case .answered:
            logger.info("The call was answered", metadata: ["call_id": "\(event.callID)"])
        case .transferring:
            logger.info("The caller is being transferred", metadata: ["call_id": "\(event.callID)"])
        case .transferAnswered:
            logger.info("The other party of a transfer has answered", metadata: ["call_id": "\(event.callID)"])
        case .started, .mediaStarted, .agentReady, .callerSpeechStarted, .callerSpeechEnded, .agentSpeechStarted,
            .agentAnswered, .listenerJoined,
            .interrupted, .transcript, .transcriptCorrected, .dtmf, .toolCalled, .agentLost, .agentFailedOver,
            .carrierError,
            .responseFailed, .transferFailed, .machineDetected, .idlePrompted, .loopSuspected, .ended:
            break
        }
    }
}
