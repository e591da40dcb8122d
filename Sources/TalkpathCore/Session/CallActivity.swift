/// Activities of a call that its states do not show. The end of the call ends them all.
package enum CallActivity: String, CaseIterable, Sendable {
    /// A request waits for the agent to say something, for a clip or for dialled digits to be heard, or for the
    /// caller's keys.
    case saying, playing, dialling, collecting
    case callerMuted, agentMuted
    case runningTool
    /// The caller is being transferred; talks with the other party; hears the carrier's last words; the model is lost
    /// for good.
    case transferring, transferred, carrierSpeaking, fallingBack
    /// The model's session is to be opened anew.
    case renewing
}

extension CallSession {
    /// For simulations, which have to show that the end comes in the middle of everything. On the loop.
    package var activities: Set<CallActivity> {
        var activities: Set<CallActivity> = []
        func note(_ activity: CallActivity, if isUnderWay: Bool) {
            if isUnderWay { activities.insert(activity) }
        }
        note(.saying, if: !talk.said.isEmpty)
        // Digits are numbered oddly.
        note(.playing, if: talk.played.keys.contains { $0 & 1 == 0 })
        note(.dialling, if: talk.played.keys.contains { $0 & 1 != 0 })
        note(.collecting, if: talk.collector != nil)
        note(.callerMuted, if: isMuted(.caller))
        note(.agentMuted, if: isMuted(.agent))
        note(.runningTool, if: !talk.tools.isEmpty)
        note(.transferring, if: machine.transfer.isUnderWay)
        note(.transferred, if: machine.transfer.isConnected)
        note(.carrierSpeaking, if: machine.transfer.isSpeaking)
        note(.fallingBack, if: machine.agentLoss != nil)
        note(.renewing, if: machine.wantsRenewal)
        return activities
    }
}
