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
        overlook(item)
    }

    /// So many are remembered at most; the oldest is forgotten.
    static let mostUnheardItems = 256

    /// The caller hears nothing of the item.
    mutating func overlook(_ item: AgentItem) {
        ledger.discard(item)
        guard !unheardItems.contains(item) else { return }
        // A model that never ends its items cannot be told of all of them.
        if unheardItems.count >= Self.mostUnheardItems { unheardItems.removeFirst() }
        unheardItems.append(item)
    }

    /// The caller hears nothing of the response.
    mutating func overlookResponse() {
        for item in sound.items { overlook(item) }
    }

    /// Items that have ended and of which the caller has heard nothing, for the model to be told so.
    mutating func takeUnheardItems(endedBy item: AgentItem?) -> [AgentItem] {
        guard !unheardItems.isEmpty else { return [] }
        guard let item else {
            defer { unheardItems.removeAll() }
            return unheardItems
        }
        guard let index = unheardItems.firstIndex(of: item) else { return [] }
        return [unheardItems.remove(at: index)]
    }
}
