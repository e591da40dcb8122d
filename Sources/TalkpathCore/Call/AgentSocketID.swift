/// Tells the sockets that one call has opened to its model apart: they are counted from 1.
package struct AgentSocketID: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    package let number: Int

    package init(_ number: Int) {
        self.number = number
    }

    package init(integerLiteral number: Int) {
        self.init(number)
    }

    /// Before the first socket.
    package static let none = AgentSocketID(0)

    package var next: AgentSocketID { AgentSocketID(number &+ 1) }

    package static func < (one: AgentSocketID, other: AgentSocketID) -> Bool { one.number < other.number }

    package var description: String { "\(number)" }
}
