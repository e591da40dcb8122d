import TalkpathAudio
import TalkpathWire

/// The agent can be muted: it talks on, and nobody hears it. Clips and digits are heard all the same.
extension DownlinkPipeline {
    /// - Returns: what the caller heard of what was being said, if that was cut short.
    mutating func mute(at now: MonotonicInstant) -> PlaybackInterruption? {
        guard !isMuted else { return nil }
        isMuted = true
        return flush(sparesDigits: true, at: now)
    }

    /// From the agent's next item on.
    mutating func unmute() {
        isMuted = false
    }

    /// Audio that nobody hears.
    mutating func swallow(_ item: AgentItem, bytes: Int) {
        counters.mutedBytes += bytes
        ledger.discard(item)
        if mutedItems.last != item { mutedItems.append(item) }
    }

    /// Items that have ended and of which nothing was heard: to be told to the model.
    mutating func takeMutedItems(endedBy item: AgentItem?) -> [AgentItem] {
        guard !mutedItems.isEmpty else { return [] }
        guard let item else {
            defer { mutedItems.removeAll() }
            return mutedItems
        }
        guard let index = mutedItems.firstIndex(of: item) else { return [] }
        return [mutedItems.remove(at: index)]
    }
}
