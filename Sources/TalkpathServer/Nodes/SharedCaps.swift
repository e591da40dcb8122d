import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore

/// Places for calls: within this server's own limits, or within limits that hold over all nodes.
extension ServerState {
    /// The reason for which a call gets no place here.
    enum PlaceRefusal: Error {
        case problem(Problem)
        /// Another node has been told of the inbound call first.
        case announced(CallOwner)
    }

    /// Gives a call that is placed, or comes from a browser, a place if its tenant's limits allow it.
    /// - Returns: the longest duration that it may have.
    func takePlace(
        for call: CallID,
        tenant: String,
        isPlaced: Bool,
        duration: Duration
    ) async throws(Problem) -> Duration {
        guard nodes != nil else {
            return try takeOwnPlace(for: call, tenant: tenant, isPlaced: isPlaced, duration: duration)
        }
        do throws(PlaceRefusal) {
            return try await takeSharedPlace(
                for: call,
                nil,
                tenant: tenant,
                isPlaced: isPlaced,
                duration: duration
            ).duration
        } catch {
            switch error {
            case .problem(let problem): throw problem
            case .announced: throw .storeUnavailable
            }
        }
    }

    /// Gives an inbound call a place.
    /// - Returns: the longest duration that it may have, and the call's name: that of an earlier announcement, if this
    ///   node was told of the call before.
    func takePlace(
        forInbound call: CallID,
        carrierCallID: String,
        tenant: String,
        duration: Duration
    ) async throws(PlaceRefusal) -> (call: CallID, duration: Duration) {
        if nodes != nil {
            return try await takeSharedPlace(
                for: call,
                carrierCallID,
                tenant: tenant,
                isPlaced: false,
                duration: duration
            )
        }
        do throws(Problem) {
            return (call, try takeOwnPlace(for: call, tenant: tenant, isPlaced: false, duration: duration))
        } catch {
            throw .problem(error)
        }
    }

    private func takeOwnPlace(
        for call: CallID,
        tenant: String,
        isPlaced: Bool,
        duration: Duration
    ) throws(Problem) -> Duration {
        let clock = bridge.clock
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

    private func takeSharedPlace(
        for call: CallID,
        _ carrierCallID: String?,
        tenant: String,
        isPlaced: Bool,
        duration: Duration
    ) async throws(PlaceRefusal) -> (call: CallID, duration: Duration) {
        let clock = bridge.clock
        // A life that is over has no calls any more. A node that is cut off would wait ten seconds for the same answer.
        guard nodes?.isFenced != true, nodes?.isCutOff != true else { throw .problem(.storeUnavailable) }
        let today = CallCaps.beginningOfDay(clock.wallTime)
        let verdict: PlaceVerdict
        do {
            verdict = try await store.calls.takePlace(
                for: call,
                tenant: tenant,
                isPlaced: isPlaced,
                carrierCallID: carrierCallID,
                wanted: Int64(duration.wholeMilliseconds),
                limits: SharedLimits(
                    placedPerSecond: configuration.callsPerSecond,
                    atOnce: configuration.maximumCallsPerTenant,
                    minutesPerDay: configuration.minutesPerDay
                ),
                beginningOfDay: today
            )
        } catch {
            throw .problem(.storeUnavailable)
        }
        switch verdict {
        case .granted(let milliseconds): return (call, .milliseconds(milliseconds))
        case .announced(let owner, let milliseconds):
            guard owner.epoch == nodes?.epoch else { throw .announced(owner) }
            return (owner.call, .milliseconds(milliseconds))
        case .tooOften(let milliseconds):
            throw .problem(Problem(CallCaps.Refusal.tooOften(seconds: Int((milliseconds + 999) / 1000))))
        case .tooMany: throw .problem(Problem(CallCaps.Refusal.tooMany))
        case .minutesUsed:
            let left = 86_400_000 - (clock.wallTime.milliseconds - today.milliseconds)
            throw .problem(Problem(CallCaps.Refusal.minutesUsed(seconds: Int((left + 999) / 1000))))
        }
    }

    /// Frees the place of a call that did not begin.
    func freePlace(of call: CallID) async {
        guard nodes != nil else { return caps.release(call) }
        // A place that cannot be freed now is freed later, because its call is not there.
        try? await store.calls.freePlace(of: call)
    }
}
