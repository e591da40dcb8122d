/// The limit that a peer exceeded.
package enum WebSocketOverrun: String, Equatable, Sendable, CaseIterable {
    case frames, bytes, faults, events

    /// The reason for the peer's log and for ours.
    package var words: String {
        switch self {
        case .frames: "too many messages in too short a time"
        case .bytes: "too many bytes in too short a time"
        case .faults: "too many messages that are not understood"
        case .events: "too many keys or events in too short a time"
        }
    }
}
