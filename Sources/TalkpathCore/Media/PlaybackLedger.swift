import TalkpathAudio
package import TalkpathWire

/// What the caller has heard of what the agent said, as far as it can be known.
///
/// Positions count bytes sent to the telephony leg since the call began; each item knows its own stretch. What has
/// been played lies between the newest mark that was echoed and what was sent, and is estimated by the time since the
/// present run of audio began: the line's delay is the same for audio and for the order to clear it. Echoes tell how
/// much later than that the far end plays; see ``EchoLags``.
///
/// Pure bookkeeping on instants passed in; confined to the call's loop.
struct PlaybackLedger {
    /// What one item's audio came to.
    struct Item {
        var item: AgentItem
        /// Milliseconds the agent produced, on its own clock: what a truncation must not exceed.
        var producedMilliseconds: Int = 0
        /// Bytes produced, in the telephony leg's encoding.
        var producedBytes: Int64 = 0
        /// Bytes sent; they stand in the whole from `firstPosition` on, without a gap.
        var sentBytes: Int64 = 0
        var firstPosition: Int64 = 0
        /// No more audio of it will come.
        var isComplete = false

        var end: Int64 { firstPosition + sentBytes }
    }

    private struct Mark {
        var mark: PlaybackMark
        var position: Int64
    }

    private let bytesPerMillisecond: Int64
    /// The far end's position is told, not estimated.
    private let isExact: Bool

    /// Counts interruptions. Marks of an older epoch were cleared.
    private(set) var epoch: UInt32 = 0
    private var nextMark: UInt32 = 1
    private var marks = FIFO<Mark>()

    /// Items not yet known to be played to their end, oldest first.
    private var items: [Item] = []
    /// Items up to this index are over: what still comes of them is dropped.
    private var discardedThrough = -1

    /// How long after the estimated end of play-out an echo is waited for.
    private static let echoPatience = Duration.seconds(1)

    /// All bytes sent.
    private(set) var sent: Int64 = 0
    /// What is known to have been played.
    private var acknowledged: Int64 = 0
    /// Where the present run of audio, without a pause, began, and when.
    private var run: (start: Int64, at: MonotonicInstant)?
    private var lags = EchoLags()

    /// - Parameter isExact: ``acknowledge(_:at:)`` is called with the true position before every question, so that
    ///   nothing has to be estimated.
    init(bytesPerMillisecond: Int, isExact: Bool = false) {
        self.bytesPerMillisecond = Int64(bytesPerMillisecond)
        self.isExact = isExact
    }

    // MARK: What happens

    /// Whether audio of this item is to be dropped, because it was interrupted.
    func isDiscarded(_ item: AgentItem) -> Bool {
        item.index <= discardedThrough
    }

    /// Nobody hears this item, nor those before it.
    mutating func discard(_ item: AgentItem) {
        discardedThrough = max(discardedThrough, item.index)
    }

    mutating func produced(_ bytes: Int, of item: AgentItem) {
        items[indexOfItem(item)].producedBytes += Int64(bytes)
    }

    /// - Parameter milliseconds: all of the item so far, on the agent's own clock.
    mutating func produced(milliseconds: Int, of item: AgentItem) {
        items[indexOfItem(item)].producedMilliseconds = milliseconds
    }

    mutating func completed(_ item: AgentItem) {
        if let index = items.firstIndex(where: { $0.item == item }) {
            items[index].isComplete = true
        }
    }

    /// - Parameter startsRun: nothing was playing before these bytes.
    mutating func sent(_ bytes: Int, of item: AgentItem, startsRun: Bool, at now: MonotonicInstant) {
        if startsRun {
            run = (sent, now)
            lags.runBegan()
        }
        let index = indexOfItem(item)
        if items[index].sentBytes == 0 { items[index].firstPosition = sent }
        items[index].sentBytes += Int64(bytes)
        sent += Int64(bytes)
    }

    /// A new mark behind what has been sent.
    mutating func makeMark() -> PlaybackMark {
        let mark = PlaybackMark(epoch: epoch, number: nextMark)
        nextMark &+= 1
        marks.append(Mark(mark: mark, position: sent))
        return mark
    }

    /// Whether the newest mark already stands behind all that was sent.
    var isMarked: Bool { (marks.last?.position ?? acknowledged) >= sent }

    enum Echo {
        case played, cleared, unknown
    }

    /// A mark came back.
    ///
    /// A carrier also echoes, at once, what a `clear` threw away; such a mark is of an older epoch and says nothing.
    mutating func echoed(_ mark: PlaybackMark, at now: MonotonicInstant) -> Echo {
        guard mark.epoch == epoch else { return mark.epoch < epoch ? .cleared : .unknown }
        guard let first = marks.first, mark.number >= first.mark.number, mark.number < nextMark else { return .unknown }
        while let first = marks.first, first.mark.number <= mark.number {
            marks.popFirst()
            // What stood before a lost mark is not known to have been played only now.
            if first.mark.number == mark.number { noteLag(of: first.position, at: now) }
            acknowledge(first.position)
        }
        return .played
    }

    private mutating func noteLag(of position: Int64, at now: MonotonicInstant) {
        // An echo of the run before says nothing about when this one began.
        guard let run, position > run.start else { return }
        lags.note((now - run.at).wholeNanoseconds - nanoseconds(of: position - run.start))
    }

    /// Play-out is known to have come this far.
    mutating func acknowledge(_ position: Int64) {
        acknowledged = max(acknowledged, min(position, sent))
        let known = acknowledged
        items.removeAll { $0.isComplete && $0.sentBytes >= $0.producedBytes && $0.end <= known }
    }

    // MARK: What is known

    /// The estimated position of play-out.
    func played(at now: MonotonicInstant) -> Int64 {
        guard !isExact, let run else { return acknowledged }
        let elapsed = max(0, (now - run.at).wholeNanoseconds - lags.delay)
        let estimate = run.start + elapsed / 1_000_000 * bytesPerMillisecond
        return min(max(acknowledged, estimate), sent)
    }

    /// Whether all that was sent has been heard: the far end has said so, or has been silent about it for so long that
    /// it will not say.
    func isPlayedOut(at now: MonotonicInstant) -> Bool {
        acknowledged >= sent || played(at: now - Self.echoPatience) >= sent
    }

    /// Whether everything up to this position has been heard, as far as can be known.
    func isPlayed(_ position: Int64, at now: MonotonicInstant) -> Bool {
        acknowledged >= position || played(at: now - Self.echoPatience) >= position
    }

    /// Whether something may be playing still: the far end is always somewhat later than the estimate.
    var mayBePlaying: Bool { acknowledged < sent }

    /// Ends the epoch: whatever has not been played will not be.
    ///
    /// - Parameters:
    ///   - clears: the far end is emptied; otherwise what was sent is heard, and the epoch goes on.
    ///   - sparesDigits: dialled digits are not touched.
    /// - Returns: what the caller heard, or `nil` if nothing was cut short.
    mutating func interrupt(
        clears: Bool = true,
        sparesDigits: Bool = false,
        at now: MonotonicInstant
    ) -> PlaybackInterruption? {
        let position = clears ? played(at: now) : sent
        var interruption = PlaybackInterruption()
        var kept: [Item] = []
        for item in items {
            if sparesDigits, item.item.isDigits {
                kept.append(item)
                continue
            }
            discardedThrough = max(discardedThrough, item.item.index)
            let heardBytes = item.sentBytes == 0 ? 0 : min(max(0, position - item.firstPosition), item.sentBytes)
            let isWhole = item.isComplete && heardBytes >= item.producedBytes
            if isWhole {
                if !clears { kept.append(item) }
                continue
            }
            if heardBytes > 0 || interruption.isEmpty {
                let milliseconds = min(Int(heardBytes / bytesPerMillisecond), item.producedMilliseconds)
                interruption.heard.append(.init(item: item.item, milliseconds: milliseconds))
            } else {
                interruption.neverHeard.append(item.item)
            }
        }
        items = kept
        if clears {
            epoch &+= 1
            marks.removeAll()
            acknowledged = sent
            run = nil
        }
        return interruption.isEmpty ? nil : interruption
    }

    private func nanoseconds(of bytes: Int64) -> Int64 { bytes * 1_000_000 / bytesPerMillisecond }

    private mutating func indexOfItem(_ item: AgentItem) -> Int {
        if let last = items.indices.last, items[last].item == item { return last }
        if let index = items.firstIndex(where: { $0.item == item }) { return index }
        items.append(Item(item: item))
        return items.count - 1
    }
}

/// What an interruption cut short.
package struct PlaybackInterruption: Equatable, Sendable {
    package struct Heard: Equatable, Sendable {
        package var item: AgentItem
        /// Milliseconds of this item that the caller heard; never more than were produced.
        package var milliseconds: Int
    }

    /// Items cut short, of which the caller heard something, or the one that would have been next.
    package var heard: [Heard] = []
    /// Items of which the caller heard nothing.
    package var neverHeard: [AgentItem] = []

    package var isEmpty: Bool { heard.isEmpty && neverHeard.isEmpty }

    /// Takes out our own audio, of which neither the model nor the transcript knows.
    /// - Returns: how many milliseconds of which insertion were heard.
    mutating func takeInserted() -> [Int: Int] {
        var inserted: [Int: Int] = [:]
        for entry in heard where entry.item.isInserted { inserted[-entry.item.index] = entry.milliseconds }
        heard.removeAll { $0.item.isInserted }
        neverHeard.removeAll { $0.isInserted }
        return inserted
    }

    package init(heard: [Heard] = [], neverHeard: [AgentItem] = []) {
        self.heard = heard
        self.neverHeard = neverHeard
    }
}
