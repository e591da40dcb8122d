import TalkpathAudio
import TalkpathWire

/// Audio that the call itself plays to the caller: a clip, or dialled digits.
struct DownlinkInsertion {
    /// Odd for digits, even for clips: see ``AgentItem/isDigits``.
    var id: Int
    /// In the telephony leg's encoding.
    var bytes: [UInt8]
}

extension AgentItem {
    /// The item under which inserted audio is counted. The agents' own item numbers are not negative.
    init(insertion id: Int) { self.init(index: -id) }

    /// True for inserted audio, which no model knows.
    var isInserted: Bool { index < 0 }

    /// True for dialled digits. An interruption does not flush them, because half a number is a wrong number.
    var isDigits: Bool { index < 0 && index & 1 != 0 }
}

/// Inserted audio goes between the agent's items: after the item that has begun to arrive, before the next one.
extension DownlinkPipeline {
    /// Queues inserted audio. Allocates, so it is not for the per-frame path.
    mutating func insert(_ insertion: DownlinkInsertion) {
        // An item's audio must be contiguous, or the ledger could not tell how much of it was heard.
        guard currentItem == nil else {
            waiting.append(insertion)
            return
        }
        append(insertion)
    }

    /// Marks the end of all audio queued so far.
    mutating func addMilestone(_ id: Int) {
        milestones.add(id, at: ledger.sent + Int64(backlog.byteCount), milliseconds: 0)
    }

    /// The agent's current item is complete, so the waiting insertions follow it.
    mutating func appendWaiting() {
        guard !waiting.isEmpty else { return }
        let due = waiting
        waiting.removeAll()
        for insertion in due { append(insertion) }
    }

    private mutating func append(_ insertion: DownlinkInsertion) {
        let item = AgentItem(insertion: insertion.id)
        let accepted = backlog.append(insertion.bytes.span.bytes, of: item)
        counters.droppedBytes += insertion.bytes.count - accepted
        let milliseconds = accepted / format.bytesPerMillisecond
        if accepted > 0 {
            ledger.produced(accepted, of: item)
            ledger.produced(milliseconds: milliseconds, of: item)
            backlog.complete(item)
            ledger.completed(item)
        }
        milestones.add(
            insertion.id,
            at: ledger.sent + Int64(backlog.byteCount),
            milliseconds: milliseconds
        )
    }

    /// True if the far end has dialled digits that it has not played, which clearing it would break.
    func hasDigitsUnderWay(at now: MonotonicInstant) -> Bool {
        !ledger.isPlayed(digitsEnd, at: now)
    }

    /// Settles the milestones whose audio has been heard by now.
    mutating func settleMilestones(at now: MonotonicInstant) {
        guard !milestones.isEmpty else { return }
        if let consumed = ring?.consumedPosition { ledger.acknowledge(Int64(consumed)) }
        milestones.settle { [ledger] in ledger.isPlayed($0, at: now) }
    }

    /// The backlog was dropped except for digits: settles the milestones in it as cut, and moves those of the digits.
    mutating func cutMilestones(heard: [Int: Int], sparesDigits: Bool) {
        let sent = ledger.sent
        milestones.cut(
            beyond: sent,
            isKept: { sparesDigits && AgentItem(insertion: $0).isDigits },
            heard: { heard[$0] ?? 0 }
        )
        var position = sent
        for segment in backlog.allSegments {
            position += Int64(segment.bytes)
            milestones.move(-segment.item.index, to: position)
        }
        let dropped = waiting
        waiting.removeAll()
        for insertion in dropped {
            if sparesDigits, AgentItem(insertion: insertion.id).isDigits {
                append(insertion)
            } else {
                milestones.drop(insertion.id)
            }
        }
    }
}
