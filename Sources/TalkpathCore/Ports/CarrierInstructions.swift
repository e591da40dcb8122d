/// What the carrier is to do with a call from now on, without us.
public enum CarrierInstructions: Equatable, Sendable, CustomStringConvertible {
    /// Connect the caller with that number, and hang up when they have talked, or when nobody answers; tell the caller
    /// so first, if there are words.
    case dial(
        number: String,
        callerID: String?,
        ringTimeout: Duration,
        saying: String? = nil,
        language: String? = nil
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
