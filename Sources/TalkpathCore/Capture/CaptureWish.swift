/// What is to be kept of a call.
public struct CaptureWish: Hashable, Sendable {
    /// Both sockets' messages, in a file that ``Replay`` runs again.
    public var wire: Bool
    /// What was said and heard, as a stereo recording: the caller left, the agent right.
    public var audio: Bool

    public init(wire: Bool = false, audio: Bool = false) {
        self.wire = wire
        self.audio = audio
    }

    public static let nothing = CaptureWish()

    public var isNothing: Bool { self == .nothing }

    /// From words such as `wire`, `audio`, `wire,audio` and `off`.
    /// - Returns: nil if one of them is none of these.
    public init?(words: some StringProtocol) {
        self.init()
        for word in words.split(separator: ",") {
            switch String(word.filter { $0 != " " }) {
            case "wire": wire = true
            case "audio": audio = true
            case "off": break
            default: return nil
            }
        }
    }

    /// As ``init(words:)`` reads it.
    public var words: String {
        switch (wire, audio) {
        case (true, true): "wire,audio"
        case (true, false): "wire"
        case (false, true): "audio"
        case (false, false): "off"
        }
    }
}

/// Where captures go.
package protocol CaptureSink: Sendable {
    /// For calls and agents that have no wish of their own.
    var standard: CaptureWish { get }

    /// Begins the capture of a call. On the call's loop: must return at once.
    ///
    /// - Returns: nil if it cannot be captured at the moment; the call goes on without.
    func open(_ facts: CaptureFacts) -> CaptureTap?
}
