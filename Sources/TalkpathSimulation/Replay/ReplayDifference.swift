/// One thing that a replay did otherwise than the capture has it.
public struct ReplayDifference: Equatable, Sendable, CustomStringConvertible {
    /// Where it was seen.
    public enum Place: String, Sendable, CaseIterable {
        case toCarrier = "to the carrier"
        case toAgent = "to the model"
        case event = "event"
        case receipt = "receipt"
        case audio = "audio"
    }

    public var place: Place
    /// Since the call began, as the capture has it.
    public var at: Duration
    /// The message's or the event's number in its place, from 0.
    public var number: Int
    /// The JSON path, the sample, the millisecond: whatever says where in it.
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
