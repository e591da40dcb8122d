/// The reason for which a fleet of callers could not do its work.
package struct LoadError: Error, Equatable, Sendable, CustomStringConvertible {
    package struct Code: Equatable, Sendable {
        private enum Value { case system, refused, notReady, lost, invalidAddress }
        private let value: Value

        /// The system had no socket, no descriptor, or no memory for us.
        package static let system = Code(value: .system)
        /// The server does not listen, or did not let the caller in.
        package static let refused = Code(value: .refused)
        /// A call did not come up in time.
        package static let notReady = Code(value: .notReady)
        /// The server closed a call's socket while it was measured.
        package static let lost = Code(value: .lost)
        package static let invalidAddress = Code(value: .invalidAddress)
    }

    package var code: Code
    package var description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    package static func == (one: Self, other: Self) -> Bool { one.code == other.code }
}
