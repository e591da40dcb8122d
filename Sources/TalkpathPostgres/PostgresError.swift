/// A fault of PostgreSQL, or of the connection to it. Holds no argument of a statement, and no password.
package struct PostgresError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Equatable, Sendable {
        /// There is no connection, or it was lost.
        case unreachable
        /// The answer missed its deadline. The connection is closed.
        case timedOut
        /// The server refused a statement. Carries the SQLSTATE code.
        case refused(String)
        /// The database cannot serve as a store: the server is too old, another program owns the tables, …
        case unfit
    }

    package var kind: Kind
    package var message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }

    /// True if the connection must be reopened.
    var costsConnection: Bool {
        switch kind {
        case .unreachable, .timedOut: true
        case .refused(let code): Self.means(code, ["57P", "08", "25006", "25P03", "0A000", "26000"])
        case .unfit: true
        }
    }

    /// True if a transaction that failed before its COMMIT may be repeated. The server has rolled it back then.
    var isWorthRepeating: Bool {
        switch kind {
        case .unreachable: true
        case .timedOut, .unfit: false
        case .refused(let code):
            Self.means(code, ["57P", "08", "25006", "25P03", "40001", "40P01", "0A000", "26000"])
        }
    }

    /// - Parameter code: the five characters of SQLSTATE.
    init(refused code: String, _ primary: String) {
        // Show the message of these classes only. Others may quote the arguments.
        let quotable = Self.means(code, ["08", "25", "28", "3D", "3F", "42", "53", "54", "55", "57", "58", "XX"])
        self.init(.refused(code), quotable ? "\(Self.line(primary)) (\(code))" : "it refused a statement (\(code))")
    }

    private static func means(_ code: String, _ classes: [String]) -> Bool { classes.contains { code.hasPrefix($0) } }

    /// Joins a text into one line of at most 300 characters.
    static func line(_ text: String) -> String {
        let words = text.split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
        return String(words.prefix(300))
    }
}
