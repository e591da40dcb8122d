import TalkpathAudio
import TalkpathWire

/// The instant of the model's last message, and the audio that goes on.
struct AgentClock {
    private(set) var lastMessage: MonotonicInstant?
    private(set) var lastAudio: MonotonicInstant?
    /// The item of the latest audio.
    private var newestItem: AgentItem?
    /// The instant at which the model reported an interruption, or at which the latest rest of the interrupted response
    /// arrived.
    private var lastRest: MonotonicInstant?

    /// The rest of an interrupted response arrives without a pause as long as this.
    private static let restPatience = Duration.milliseconds(300)
    /// After such a pause in the audio of a response, the model has waited for something: a function's result.
    private static let speechPause = Duration.milliseconds(500)

    /// A message has arrived.
    ///
    /// - Returns: true if the rest of an interrupted response is over by now; once for each.
    mutating func received(at now: MonotonicInstant) -> Bool {
        lastMessage = now
        guard let lastRest, now - lastRest >= Self.restPatience else { return false }
        self.lastRest = nil
        return true
    }

    /// - Returns: true if the audio begins an utterance.
    mutating func receivedAudio(of item: AgentItem, at now: MonotonicInstant) -> Bool {
        let isResumed = lastAudio.map { now - $0 >= Self.speechPause } ?? false
        lastAudio = now
        if lastRest != nil { lastRest = now }
        guard item != newestItem || isResumed else { return false }
        newestItem = item
        return true
    }

    mutating func interrupted(at now: MonotonicInstant) {
        lastRest = now
    }

    /// Another response, or another socket, has begun.
    mutating func restIsOver() {
        lastRest = nil
    }
}
