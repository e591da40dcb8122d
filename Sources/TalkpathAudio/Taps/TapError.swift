/// Why nobody can listen in.
public enum TapError: Error, Sendable, Hashable, CustomStringConvertible {
    /// As many taps as a set can have are attached, or were detached so lately that the writer may still look at them.
    case tooMany(limit: Int)
    /// The writer is gone: the call is over.
    case ended

    public var description: String {
        switch self {
        case .tooMany(let limit):
            "no more than \(limit) taps can be attached to one call: detach one and try again"
        case .ended:
            "the call is over: nothing will come any more"
        }
    }
}
