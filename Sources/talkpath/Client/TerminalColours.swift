import Foundation

/// Tells whether output may be coloured.
enum TerminalColours {
    /// For standard output.
    static var areWanted: Bool {
        areWanted(isTerminal: isatty(STDOUT_FILENO) == 1, environment: ProcessInfo.processInfo.environment)
    }

    /// `NO_COLOR` counts when it is not empty (no-color.org); a terminal that calls itself `dumb` has no colours.
    static func areWanted(isTerminal: Bool, environment: [String: String]) -> Bool {
        isTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }
}
