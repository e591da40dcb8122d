public import Logging
import TalkpathCore
import TalkpathNIO

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// How log lines are written.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people.
    case console
    /// For collectors: an object a line.
    case json

    /// A handler on standard error, for `LoggingSystem.bootstrap`.
    public func makeHandler(label: String) -> any LogHandler {
        switch self {
        case .console:
            return StreamLogHandler.standardError(label: label)
        case .json:
            let clock = SystemClock()
            return JSONLogHandler(label: label, now: { clock.wallTime }) { line in
                // A line is one write: lines of different threads do not mix.
                _ = write(STDERR_FILENO, line, line.count)
            }
        }
    }
}
