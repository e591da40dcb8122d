import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore

/// Places for calls: within this server's own limits, or within limits that hold over all nodes.
extension ServerState {
    /// Gives a call a place, if its tenant's limits allow it.
    /// - Returns: the longest duration that it may have.
    func takePlace(
        for call: CallID,
        tenant: String,
        isPlaced: Bool,
        duration: Duration
    ) async throws(Problem) -> Duration {
        let clock = bridge.clock
        guard let nodes else {
            do throws(CallCaps.Refusal) {
                return try caps.admit(
                    call,
                    tenant: tenant,
                    isPlaced: isPlaced,
                    for: duration,
                    at: clock.now,
                    wallTime: clock.wallTime
                )
            } catch {
                throw Problem(error)
            }
        }
        // A life that is over has no calls any more.
        guard !nodes.isFenced else { throw .storeUnavailable }
        let today = CallCaps.beginningOfDay(clock.wallTime)
        let verdict: PlaceVerdict
        do {
            verdict = try await store.calls.takePlace(
                for: call,
                tenant: tenant,
                isPlaced: isPlaced,
                wanted: Int64(duration.wholeMilliseconds),
                limits: SharedLimits(
                    placedPerSecond: configuration.callsPerSecond,
                    atOnce: configuration.maximumCallsPerTenant,
                    minutesPerDay: configuration.minutesPerDay
                ),
                beginningOfDay: today
            )
        } catch {
            throw .storeUnavailable
        }
        switch verdict {
        case .granted(let milliseconds): return .milliseconds(milliseconds)
        case .tooOften(let milliseconds):
            throw Problem(CallCaps.Refusal.tooOften(seconds: Int((milliseconds + 999) / 1000)))
        case .tooMany: throw Problem(CallCaps.Refusal.tooMany)
        case .minutesUsed:
            let left = 86_400_000 - (clock.wallTime.milliseconds - today.milliseconds)
            throw Problem(CallCaps.Refusal.minutesUsed(seconds: Int((left + 999) / 1000)))
        }
    }

    /// Frees the place of a call that did not begin.
    func freePlace(of call: CallID) async {
        guard nodes != nil else { return caps.release(call) }
        // A place that cannot be freed now is freed later, because its call is not there.
        try? await store.calls.freePlace(of: call)
    }
}
