import Foundation
import TalkpathAudio

/// Prints the events of simulators, one a line.
package enum Narration {
    /// The instant of the first line.
    private static let start = SimulatorClock().now()

    /// Prints at once, even into a pipe.
    package static func say(_ line: String) {
        _ = start
        FileHandle.standardOutput.write(Data("\(line)\n".utf8))
    }

    @Sendable package static func print(_ event: SimulatorEvent) {
        let seconds = max(0, event.instant.milliseconds(since: start) / 1000)
        say(String(format: "%9.3f", seconds) + "  \(event.source.rawValue) \(event.subject)  \(event.kind.words)")
    }
}
