/// A fault that keeps a fleet of callers from its work.
package struct LoadError: Error, Equatable, Sendable, CustomStringConvertible {
    package struct Code: Equatable, Sendable {
        private enum Value { case system, refused, notReady, lost, invalidAddress }
        private let value: Value

        /// The system had no socket, descriptor or memory left.
        package static let system = Code(value: .system)
        /// The server does not listen, or refused the caller.
        package static let refused = Code(value: .refused)
        /// A call was not ready in time.
        package static let notReady = Code(value: .notReady)
        /// The server closed a call's socket during the measurement.
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
