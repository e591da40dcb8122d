/// The name of a call: a UUID in lower case.
public struct CallID: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    /// Any text; the manager makes UUIDs from its identifier source.
    public init(_ text: String) {
        self.text = text
    }

    public var description: String { text }
}
