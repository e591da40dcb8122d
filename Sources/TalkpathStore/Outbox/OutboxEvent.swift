package import TalkpathCore
package import TalkpathWire

/// An event of a call. The store keeps it until it has been delivered to every endpoint that wants it.
package struct OutboxEvent: Equatable, Sendable {
    /// The same in every delivery and every attempt. Empty until the store assigns it.
    package var id: String
    /// Counts up over all calls. `nil` until the event is written.
    package var number: Int64?
    package var type: String
    package var callID: CallID
    package var tenant: String
    package var at: WallTime
    /// One JSON object. The store adds the direction and the two numbers of the call.
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

/// The source of the entries that the session's loop reports, on their way into the store.
///
/// The store takes them on its own thread, at the beginning of every transaction that writes a call. So everything that
/// was reported before the end of a call is stored before that end.
package protocol OutboxSource: Sendable {
    /// Returns everything that was reported since the last time, in that order.
    func takePending() -> [OutboxEntry]
    /// Takes back entries that could not be written. The next `takePending` returns them first.
    func putBack(_ entries: [OutboxEntry])
    /// Returns the events that are stored with a call's record: `call.ended` and, for a call that failed,
    /// `call.failed`.
    func events(endOf call: CallSnapshot) -> [OutboxEvent]
    /// Returns the event that is stored with a call's analysis.
    func event(analysisOf call: CallSnapshot, at now: WallTime) -> OutboxEvent
    /// Reports that events of these calls were written.
    func written(_ calls: Set<CallID>)
    /// Reports that a new endpoint was created.
    func endpointAdded()
}

package enum OutboxEntry: Equatable, Sendable {
    case event(OutboxEvent)
    /// The call's new status, for its row in the journal.
    case progress(CallID, CallStatus, at: WallTime)
    /// The times at which each side spoke, reported at the call's end for its analysis.
    case timeline(CallID, JSONValue)

    var isEnd: Bool {
        guard case .event(let event) = self else { return false }
        return event.type == "call.ended"
    }

    package var callID: CallID {
        switch self {
        case .event(let event): event.callID
        case .progress(let call, _, _), .timeline(let call, _): call
        }
    }
}

/// An outbox for stores without events.
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
