/// One difference between a replay and its capture.
public struct ReplayDifference: Equatable, Sendable, CustomStringConvertible {
    /// The place of a difference.
    public enum Place: String, Sendable, CaseIterable {
        case toCarrier = "to the carrier"
        case toAgent = "to the model"
        case event = "event"
        case receipt = "receipt"
        case audio = "audio"
    }

    public var place: Place
    /// The time since the call began, from the capture.
    public var at: Duration
    /// The number of the message or event in its place, from 0.
    public var number: Int
    /// The position within it: a JSON path, a sample or a millisecond.
    public var field: String
    public var recorded: String
    public var replayed: String

    public init(
        place: Place,
        at: Duration,
        number: Int,
        field: String,
        recorded: String,
        replayed: String
    ) {
        self.place = place
        self.at = at
        self.number = number
        self.field = field
        self.recorded = recorded
        self.replayed = replayed
    }

    public var description: String {
        let time = at / .milliseconds(1)
        let tenths = (time * 10).rounded() / 10
        return "\(tenths) ms, \(place.rawValue) #\(number), \(field): recorded \(recorded), replayed \(replayed)"
    }
}
