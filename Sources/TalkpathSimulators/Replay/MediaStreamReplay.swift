internal import Foundation
internal import TalkpathAudio
internal import TalkpathWire

/// Messages for a media socket, sent as they are: recordings, or deliberate abuse.
public struct MediaStreamReplay: Sendable, Hashable {
    public enum Ending: Sendable, Hashable {
        /// Keeps the socket open.
        case stays
        /// Closes as the carrier does.
        case closes
        case vanishes
    }

    /// Text messages, in order.
    public var lines: [String]
    /// The time when each is sent, in milliseconds from the first; `nil` sends all at once.
    public var times: [Double]?
    public var ending: Ending
    /// True if the recording's SIDs and custom parameters are replaced by those of the current call.
    public var adapts: Bool

    public init(lines: [String], times: [Double]? = nil, ending: Ending = .closes, adapts: Bool = true) {
        self.lines = lines
        self.times = times
        self.ending = ending
        self.adapts = adapts
    }

    /// Reads `NAME.jsonl` and, if it exists and `isTimed` is true, `NAME.timing.json`.
    /// - Parameter isTimed: `false` sends the messages as fast as possible.
    public init(file path: String, isTimed: Bool = true, ending: Ending = .closes, adapts: Bool = true) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConversationError(file: path, detail: "cannot be read")
        }
        lines = String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
        let timing = path.replacing(".jsonl", with: ".timing.json")
        if isTimed, let data = FileManager.default.contents(atPath: timing) {
            times = try JSONValue(parsing: Array(data)).array?.compactMap(\.double)
        } else {
            times = nil
        }
        self.ending = ending
        self.adapts = adapts
    }

    func offset(ofLine line: Int) -> Duration {
        guard let times, times.indices.contains(line), let first = times.first else { return .zero }
        return .nanoseconds(Int64((times[line] - first) * 1_000_000))
    }

    /// The lines, adapted to this call.
    func lines(for identity: MediaStreamModel.Identity) -> [String] {
        guard adapts, let place = lines.firstIndex(where: { $0.contains(#""event":"start""#) }),
            var message = try? JSONValue(parsing: lines[place]), var start = message["start"]
        else { return lines }
        var result = lines
        let names = [
            (start["streamSid"]?.string, identity.streamSID), (start["callSid"]?.string, identity.callSID),
            (start["accountSid"]?.string, identity.accountSID),
        ]
        start.set("customParameters", .object(identity.parameters.map { ($0.name, .string($0.value)) }))
        message.set("start", start)
        result[place] = message.serializedText()
        for case (let old?, let new) in names where !old.isEmpty {
            result = result.map { $0.replacing(old, with: new) }
        }
        return result
    }
}
