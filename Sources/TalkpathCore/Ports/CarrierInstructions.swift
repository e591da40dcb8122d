/// The carrier's instructions for a call from now on, instead of streaming its audio to us.
public enum CarrierInstructions: Equatable, Sendable, CustomStringConvertible {
    /// Connect the caller with that number, after the words to the caller, if there are any. The outcome is reported to
    /// the holder of the ticket, which then decides the caller's next step. Without a ticket, hang up then.
    case dial(
        number: String,
        callerID: String?,
        ringTimeout: Duration,
        saying: String? = nil,
        language: String? = nil,
        ticket: TransferTicket? = nil
    )
    /// Speak this in the carrier's own voice, and hang up.
    case say(String, language: String?)

    /// Numbers and words are private.
    public var description: String {
        switch self {
        case .dial: "dial"
        case .say: "say"
        }
    }

    /// The same, with a report of the outcome.
    func reporting(to ticket: TransferTicket) -> CarrierInstructions {
        switch self {
        case .dial(let number, let callerID, let ringTimeout, let words, let language, _):
            .dial(
                number: number,
                callerID: callerID,
                ringTimeout: ringTimeout,
                saying: words,
                language: language,
                ticket: ticket
            )
        case .say: self
        }
    }
}

/// By which the carrier's reports of a transfer find their call.
public struct TransferTicket: Equatable, Sendable {
    public var callID: CallID
    /// Counts the call's transfers from 1: a late report of an earlier one is known by it.
    public var transfer: Int
    /// As in ``PlaceCallRequest/publicURL``.
    public var publicURL: String?

    public init(callID: CallID, transfer: Int, publicURL: String? = nil) {
        self.callID = callID
        self.transfer = transfer
        self.publicURL = publicURL
    }
}

extension Carrier {
    /// A carrier that cannot do it.
    public func redirect(
        _ carrierCallID: String,
        to instructions: CarrierInstructions
    ) async throws(CarrierError) {
        throw CarrierError(.refused, "this carrier cannot redirect a call")
    }
}
