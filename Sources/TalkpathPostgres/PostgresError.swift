/// What PostgreSQL, or the way to it, would not do. Holds no value of any statement, and no password.
package struct PostgresError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Equatable, Sendable {
        /// There is no connection, or none any more.
        case unreachable
        /// An answer did not come in time. The connection is given up.
        case timedOut
        /// The server has refused a statement, with this code.
        case refused(String)
        /// The connection cannot be used for what it is for: too old a server, another program's database, …
        case unfit
    }

    package var kind: Kind
    package var message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }

    /// Whether the connection has to be made anew.
    var costsConnection: Bool {
        switch kind {
        case .unreachable, .timedOut: true
        case .refused(let code): Self.means(code, ["57P", "08", "25006", "0A000", "26000"])
        case .unfit: true
        }
    }

    /// Whether a transaction that had not come to its COMMIT is worth another try: the server has let go of it.
    var isWorthRepeating: Bool {
        switch kind {
        case .unreachable: true
        case .timedOut, .unfit: false
        case .refused(let code):
            Self.means(code, ["57P", "08", "25006", "40001", "40P01", "0A000", "26000"])
        }
    }

    /// - Parameter code: PostgreSQL's five characters.
    init(refused code: String, _ primary: String) {
        // Other classes of errors may quote what was sent.
        let quotable = Self.means(code, ["08", "25", "28", "3D", "3F", "42", "53", "54", "55", "57", "58", "XX"])
        self.init(.refused(code), quotable ? "\(Self.line(primary)) (\(code))" : "it refused a statement (\(code))")
    }

    private static func means(_ code: String, _ classes: [String]) -> Bool { classes.contains { code.hasPrefix($0) } }

    /// One line, and not a long one.
    static func line(_ text: String) -> String {
        let words = text.split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
        return String(words.prefix(300))
    }
}
