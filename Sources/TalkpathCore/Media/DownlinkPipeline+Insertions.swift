import TalkpathAudio
import TalkpathWire

/// Audio of our own for the caller: a clip, or dialled digits.
struct DownlinkInsertion {
    /// Odd for digits, even for clips: see ``AgentItem/isDigits``.
    var id: Int
    /// In the telephony leg's encoding.
    var bytes: [UInt8]
}

extension AgentItem {
    /// The item under which audio of our own is counted. Agents' items are not negative.
    init(insertion id: Int) { self.init(index: -id) }

    /// Audio of our own, of which no model knows.
    var isInserted: Bool { index < 0 }

    /// Digits are not flushed by an interruption: half a number is a wrong number.
    var isDigits: Bool { index < 0 && index & 1 != 0 }
}

/// Our own audio between the agent's: behind what the agent has begun to say, before what it says next.
extension DownlinkPipeline {
    /// Queues it. Allocates; not on the per-frame path.
    mutating func insert(_ insertion: DownlinkInsertion) {
        // An item's audio must stand in one piece, or nobody could tell how much of it was heard.
        guard currentItem == nil else {
            waiting.append(insertion)
            return
        }
        append(insertion)
    }

    /// Notes a point behind everything that is to be heard by now.
    mutating func addMilestone(_ id: Int) {
        milestones.add(id, at: ledger.sent + Int64(backlog.byteCount), milliseconds: 0)
    }

    /// The agent's item has come to its end: what has waited for that goes behind it.
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

    /// Digits have been sent that the caller's end has not played yet: emptying it would break them.
    func hasDigitsUnderWay(at now: MonotonicInstant) -> Bool {
        !ledger.isPlayed(digitsEnd, at: now)
    }

    /// Whoever waits for something that has been heard by now.
    mutating func settleMilestones(at now: MonotonicInstant) {
        guard !milestones.isEmpty else { return }
        if let consumed = ring?.consumedPosition { ledger.acknowledge(Int64(consumed)) }
        milestones.settle { [ledger] in ledger.isPlayed($0, at: now) }
    }

    /// What stood in the backlog is gone, all but digits: tells those who wait, and where the digits stand now.
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
