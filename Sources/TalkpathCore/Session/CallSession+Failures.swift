import Logging
import TalkpathAudio
import TalkpathWire

/// Reports answers that come to nothing: the caller hears silence, and the operator must learn of it.
extension CallSession {
    /// The model has reported an error that may not be the end.
    func note(_ report: AgentErrorReport, at now: MonotonicInstant) {
        if loggedFaults.isNew(report.code) {
            logger.warning(
                "The model reported an error; further ones of its code are only counted",
                metadata: ["code": "\(report.code.asLogged)", "parameter": "\((report.parameter ?? "").asLogged)"]
            )
        }
        if report.isBusy { talk.speech.wasRefused(at: now) }
        guard report.refusesResponse else { return }
        noteFailure("rejected", code: report.code)
        let actions =
            talk.speech.isResponding
            ? talk.speech.responseEnded(.failed, retryAfter: report.retryAfter, at: now)
            : talk.speech.wasRejected(retryAfter: report.retryAfter, at: now)
        perform(actions)
    }

    /// The reason of a response that has failed because nothing was in it.
    static let blank = "empty_response"

    /// A model that answers every turn has completed a response without anything in it.
    func isBlank(_ end: AgentResponseEnd) -> Bool {
        end.status == .completed && talk.speech.isEmpty && agentInUse.provider.answersEveryTurn
    }

    /// An empty response to a request has failed. So has one that nobody asked for while the call drains: the guards,
    /// which would ask for the answer, rest then.
    func judged(_ end: AgentResponseEnd) -> AgentResponseEnd {
        guard isBlank(end), talk.speech.isRequested || machine.isDraining else { return end }
        return AgentResponseEnd(status: .failed, reason: Self.blank)
    }

    /// The model is asked once more, or has been believed: what it owes is told as lost then.
    func blankAnswerEnded(at now: MonotonicInstant) {
        guard !talk.speech.isAsked else { return }
        guards.agent?.responseEnded(at: now)
        machine.agentAnswered()
    }

    /// An answer came to nothing, or stopped short.
    func noteFailure(_ status: String, code: String) {
        talk.failedResponses += 1
        let code = String(code.prefix(64))
        if loggedFaults.isNew("\(status) \(code)") {
            logger.warning(
                "The model did not complete an answer; further ones of its code are only counted",
                metadata: ["status": "\(status)", "code": "\(code.asLogged)"]
            )
        }
        publish(.responseFailed(status: status, code: code))
    }
}
