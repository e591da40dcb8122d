public import TalkpathCore

/// A carrier of your own and the vendor behind it, for ``CarrierContract``. The vendor is a fake in your test, or a sandbox
/// of the company's.
///
/// The vendor keeps its calls while its condition changes. A call that it has taken stays up (it rings or talks) until it
/// is hung up.
public protocol CarrierStage: Sendable {
    /// The carrier under test. Its vendor is in this condition from now on.
    ///
    /// - Returns: `nil` for a condition that the stage cannot play. The rules that need it are left unchecked.
    func carrier(_ condition: VendorCondition) async throws -> (any Carrier)?

    /// A request that the vendor takes as long as it is healthy.
    func request(for call: CallID) -> PlaceCallRequest

    /// All calls that the vendor has taken so far, also those of which it has not told.
    func calls() async throws -> [VendorCall]

    /// The other party ends a call.
    func partyHangsUp(_ carrierCallID: String) async throws

    /// A name that could be a call's and is none.
    var unknownCallID: String { get }

    /// Keys and the like. No error may show them, nor the numbers of the request.
    var secrets: [String] { get }
}

extension CarrierStage {
    public var secrets: [String] { [] }
}

/// A call in the eyes of the vendor.
public struct VendorCall: Equatable, Sendable {
    /// The vendor's name of the call, as `Carrier.place(_:)` returns it.
    public var carrierCallID: String
    public var isLive: Bool

    public init(_ carrierCallID: String, isLive: Bool) {
        self.carrierCallID = carrierCallID
        self.isLive = isLive
    }
}

/// The condition of the vendor, for all requests until it gets another one.
public enum VendorCondition: Hashable, Sendable {
    case healthy
    /// Understands each request and refuses it. A fake that quotes the numbers of the request in its refusal makes the
    /// rule about messages worth more.
    case refusing
    /// Says that the key is wrong.
    case refusingKey
    /// Has too many requests, and asks to wait that long before the next.
    case overloaded(retryAfter: Duration)
    /// Nothing answers at its address: no request reaches it.
    case unreachable
    /// Carries requests out, and the connection breaks before its answer.
    case losingAnswers
    /// Takes requests, does nothing and never answers.
    case silent
}
