public import Logging
import TalkpathCore
import TalkpathNIO

/// The format of log lines.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people.
    case console
    /// For collectors: one JSON object a line.
    case json

    /// Makes a handler on standard error, for `LoggingSystem.bootstrap`.
    ///
    /// A thread of its own writes the lines, so that logging never waits for the log's reader. If the reader is too
    /// slow, lines are dropped. A line then tells how many, and so does `talkpath_log_lines_dropped_total`.
    public func makeHandler(label: String) -> any LogHandler {
        let writer = LogWriter.standardError
        writer.setReport { [self] dropped in
            handler(label: label, write: { _ in }).line(
                of: LogEvent(
                    level: .warning,
                    message: "Log lines were dropped because standard error was not read fast enough",
                    metadata: ["dropped": "\(dropped)"],
                    source: nil,
                    file: #fileID,
                    function: #function,
                    line: #line
                )
            )
        }
        return handler(label: label) { writer.write($0) }
    }

    func handler(label: String, write: @escaping @Sendable ([UInt8]) -> Void) -> any LineLogHandler {
        let clock = SystemClock()
        switch self {
        case .console: return ConsoleLogHandler(label: label, now: { clock.wallTime }, write: write)
        case .json: return JSONLogHandler(label: label, now: { clock.wallTime }, write: write)
        }
    }
}

/// A handler that turns events into lines of bytes.
protocol LineLogHandler: LogHandler {
    /// Returns the line with its end.
    func line(of event: LogEvent) -> [UInt8]
}
