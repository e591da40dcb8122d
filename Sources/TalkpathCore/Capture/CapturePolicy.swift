/// The parts of a call to capture.
public struct CapturePolicy: Hashable, Sendable {
    /// The messages of both sockets, in a file that can be replayed.
    public var wire: Bool
    /// The call's audio as a stereo recording: the caller left, the agent right.
    public var audio: Bool

    public init(wire: Bool = false, audio: Bool = false) {
        self.wire = wire
        self.audio = audio
    }

    public static let nothing = CapturePolicy()

    public var isNothing: Bool { self == .nothing }

    /// Parses words such as `wire`, `audio`, `wire,audio` and `off`.
    /// - Returns: `nil` for any other word.
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

    /// The text that ``init(words:)`` parses.
    public var words: String {
        switch (wire, audio) {
        case (true, true): "wire,audio"
        case (true, false): "wire"
        case (false, true): "audio"
        case (false, false): "off"
        }
    }
}

/// The destination of captures.
package protocol CaptureSink: Sendable {
    /// The default for calls and agents that set none.
    var standard: CapturePolicy { get }

    /// Opens the capture of a call. Called on the call's loop: must return at once.
    ///
    /// - Returns: `nil` if the call cannot be captured now; it continues without.
    func open(_ facts: CaptureMetadata) -> CaptureTap?
}
