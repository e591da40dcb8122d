package import TalkpathCore
package import TalkpathWire

/// Something that happened on a call, as it is kept until everybody who wants to know has been told.
package struct OutboxEvent: Equatable, Sendable {
    /// The same at every delivery and every attempt. Empty until the store has given it one.
    package var id: String
    /// Counts up over all calls; nil until the event is written.
    package var number: Int64?
    package var type: String
    package var callID: CallID
    package var tenant: String
    package var at: WallTime
    /// One JSON object. The store adds who is calling whom.
    package var data: JSONValue

    package init(
        id: String = "",
        number: Int64? = nil,
        type: String,
        callID: CallID,
        tenant: String,
        at: WallTime,
        data: JSONValue
    ) {
        self.id = id
        self.number = number
        self.type = type
        self.callID = callID
        self.tenant = tenant
        self.at = at
        self.data = data
    }
}

/// What the session's loop has told, on its way into the store.
///
/// The store takes it at the beginning of every transaction that writes a call, on its own thread: so whatever was told
/// before the end stands before the end.
package protocol OutboxSource: Sendable {
    /// Everything that was told since the last time, in that order.
    func takePending() -> [OutboxEntry]
    /// They could not be written: they come first the next time.
    func putBack(_ entries: [OutboxEntry])
    /// What is told with a call's record: `call.ended` and, for a call that failed, `call.failed`.
    func events(endOf call: CallSnapshot) -> [OutboxEvent]
    /// What is told with a call's analysis.
    func event(analysisOf call: CallSnapshot, at now: WallTime) -> OutboxEvent
    /// Events of these calls have been written.
    func written(_ calls: Set<CallID>)
    /// There is an endpoint that was not there before.
    func endpointAdded()
}

package enum OutboxEntry: Equatable, Sendable {
    case event(OutboxEvent)
    /// The call goes on: its journal says so from now on.
    case progress(CallID, CallStatus, at: WallTime)
    /// The call's conversation, told at its end for its analysis.
    case timeline(CallID, JSONValue)

    package var callID: CallID {
        switch self {
        case .event(let event): event.callID
        case .progress(let call, _, _), .timeline(let call, _): call
        }
    }
}

/// Nobody wants to know.
package struct NoOutbox: OutboxSource {
    package init() {}
    package func takePending() -> [OutboxEntry] { [] }
    package func putBack(_ entries: [OutboxEntry]) {}
    package func events(endOf call: CallSnapshot) -> [OutboxEvent] { [] }
    package func event(analysisOf call: CallSnapshot, at now: WallTime) -> OutboxEvent {
        OutboxEvent(type: "call.analyzed", callID: call.id, tenant: call.tenant, at: now, data: [:])
    }
    package func written(_ calls: Set<CallID>) {}
    package func endpointAdded() {}
}
