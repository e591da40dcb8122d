import Foundation

/// Decides whether output may be coloured.
enum TerminalColours {
    /// The decision for standard output.
    static var areWanted: Bool {
        areWanted(isTerminal: isatty(STDOUT_FILENO) == 1, environment: ProcessInfo.processInfo.environment)
    }

    /// Applies `NO_COLOR` if it is not empty (no-color.org). A terminal that calls itself `dumb` has no colours.
    static func areWanted(isTerminal: Bool, environment: [String: String]) -> Bool {
        isTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }
}
