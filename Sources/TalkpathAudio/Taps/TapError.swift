/// The reason why a tap cannot be attached.
public enum TapError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The set has its maximum of taps. A tap detached a moment ago counts too, while the writer may still access its
    /// ring.
    case tooMany(limit: Int)
    /// The writer is gone: the call is over.
    case ended

    public var description: String {
        switch self {
        case .tooMany(let limit):
            "no more than \(limit) taps can be attached to one call: detach one and try again"
        case .ended:
            "the call is over, so there is nothing to listen to"
        }
    }
}
