import TalkpathAudio
import TalkpathWire

/// Muting the agent: it continues to talk, and the caller hears only clips and digits.
extension DownlinkPipeline {
    /// - Returns: how much the caller heard of the current speech; `nil` if nothing was cut short.
    mutating func mute(at now: MonotonicInstant) -> PlaybackInterruption? {
        guard !isMuted else { return nil }
        isMuted = true
        return flush(sparesDigits: true, at: now)
    }

    /// Unmutes from the agent's next item on.
    mutating func unmute() {
        isMuted = false
    }

    /// Drops audio of an item while the agent is muted.
    mutating func swallow(_ item: AgentItem, bytes: Int) {
        counters.mutedBytes += bytes
        ledger.discard(item)
        if mutedItems.last != item { mutedItems.append(item) }
    }

    /// Items that have ended while the agent was muted, for the model to be told that nothing of them was heard.
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
