/// The telephone company, as the session needs it. Contract:
///
/// * `place` returns the carrier's name of the call, or throws. It is called at most once for a call, for placing is
///   not idempotent.
/// * `hangUp` is idempotent and may be called while it still runs. A call that is over, or that the carrier does not
///   know, is `alreadyGone`, not an error.
/// * `redirect` gives a live call other instructions. Its media then stops by itself. The outcome of a dialled number
///   is reported to ``CallManager/transferTold(_:transfer:carrierCallID:call:)``. A call that is over is `refused`.
/// * `limitDuration` asks the carrier to end a live call by itself should it last longer than that, counted from its
///   beginning: for calls that were not placed by us. A carrier that cannot does nothing.
/// * None has to bound itself: the session stops waiting at its own deadlines, and cancels the task when it has
///   nothing left to wait for. They must return then.
///
/// `CarrierContract` (TalkpathTesting) checks a carrier by these rules.
public protocol Carrier: Sendable {
    func place(_ request: PlaceCallRequest) async throws(CarrierError) -> String
    func hangUp(_ carrierCallID: String) async throws(CarrierError) -> HangUpAnswer
    func redirect(_ carrierCallID: String, to instructions: CarrierInstructions) async throws(CarrierError)
    func limitDuration(of carrierCallID: String, to limit: Duration) async throws(CarrierError)
}

extension Carrier {
    public func limitDuration(of carrierCallID: String, to limit: Duration) async throws(CarrierError) {}
}

/// A request to the carrier to place a call.
public struct PlaceCallRequest: Equatable, Sendable {
    public var callID: CallID
    /// The owner of the call.
    public var tenant: String
    public var from: String
    public var to: String
    public var ringTimeout: Duration
    public var timeLimit: Duration
    public var publicURL: String?
    /// The carrier's detection of answering machines.
    public var machineDetection: MachineDetection

    public init(
        callID: CallID,
        tenant: String = "",
        from: String,
        to: String,
        ringTimeout: Duration,
        timeLimit: Duration,
        publicURL: String?,
        machineDetection: MachineDetection = .off
    ) {
        self.callID = callID
        self.tenant = tenant
        self.from = from
        self.to = to
        self.ringTimeout = ringTimeout
        self.timeLimit = timeLimit
        self.publicURL = publicURL
        self.machineDetection = machineDetection
    }
}

public enum HangUpAnswer: Equatable, Sendable {
    case done, alreadyGone
}

/// The carrier's answer in place of success.
public struct CarrierError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The request was understood and refused; trying again changes nothing.
        case refused
        case unauthorized
        /// Too many requests, or a fault of the carrier's: try again.
        case unavailable
        /// No answer, or none that could be read: whether it was carried out is not known.
        case noAnswer
        /// The store did not take the call, so that the carrier was not asked.
        case notKept
    }

    public var code: Code
    /// In the carrier's words; free of numbers and secrets.
    public var message: String
    /// The carrier's own number for it.
    public var carrierCode: Int?
    /// The wait that the carrier asks for before the next request.
    public var retryAfter: Duration?

    public init(_ code: Code, _ message: String, carrierCode: Int? = nil, retryAfter: Duration? = nil) {
        self.code = code
        self.message = message
        self.carrierCode = carrierCode
        self.retryAfter = retryAfter
    }

    public var description: String { message }

    /// True if asking again may help.
    var isRetryable: Bool {
        switch code {
        case .unavailable, .noAnswer: true
        case .refused, .unauthorized, .notKept: false
        }
    }
}

/// The carrier's report of a call's progress, by webhook.
public enum CarrierProgress: Equatable, Sendable {
    case initiated, ringing, answered
    /// Over; the call's fate in the carrier's eyes.
    case over(Fate)

    public enum Fate: String, Sendable {
        case completed, busy, failed, noAnswer, canceled
    }
}
