import TalkpathAudio
import TalkpathCore
package import TalkpathSimulation

/// Plays captured calls again.
package struct CapturedStage {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    package func play() throws -> PlayedCall { Self.played(try Replay(path).replayed()) }

    package static func played(_ call: ReplayedCall) -> PlayedCall {
        var played = PlayedCall(
            events: call.events,
            transcript: call.transcript,
            metrics: call.metrics,
            capture: call.capture
        )
        let carriedOut = call.toolCalls.map {
            PlayedCall.ToolCall(at: $0.at.wholeMilliseconds, name: $0.name, arguments: $0.arguments)
        }
        played.toolCalls = PlayedCall.merged(carriedOut, with: played.events)
        if call.isCut {
            // The replay ends the call itself; the capture does not tell how it ended.
            played.endReason = nil
            played.events.removeAll { $0.at > call.duration.wholeMilliseconds || $0.kind == "ended" }
        }
        played.differences = call.differences.map(\.description)
        return played
    }
}
