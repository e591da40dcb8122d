import TalkpathCore

@testable import TalkpathServer

/// Calls as a store keeps them after their end.
enum EndedCalls {
    static func live(_ id: String) -> CallSnapshot { ServerFolder.liveCall(id) }

    /// The caller hung up after 34 seconds.
    static func call(_ id: String) -> CallSnapshot {
        var call = live(id)
        call.startedAt = WallTime(milliseconds: 1_772_366_400_000)
        call.answeredAt = WallTime(milliseconds: call.startedAt.milliseconds + 4000)
        call.endedAt = WallTime(milliseconds: call.startedAt.milliseconds + 34_000)
        call.status = .completed
        call.duration = .seconds(34)
        call.receipt = EndReceipt(
            callID: call.id,
            status: .completed,
            reason: .callerHangup,
            note: nil,
            duration: .seconds(34),
            ringing: .seconds(4),
            talking: .seconds(30),
            startedAt: call.startedAt,
            answeredAt: call.answeredAt,
            endedAt: WallTime(milliseconds: call.startedAt.milliseconds + 34_000),
            carrierConfirmed: true,
            teardown: .milliseconds(40),
            steps: []
        )
        return call
    }
}
