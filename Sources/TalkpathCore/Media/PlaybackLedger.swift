import TalkpathAudio
package import TalkpathWire

/// Computes how much of the agent's speech the caller has heard, as far as can be known.
///
/// Positions count the bytes sent to the telephony leg since the call began; each item covers one range of them. The
/// playout position lies between the latest echoed mark and the bytes sent. It is estimated from the time since the
/// present run of audio began, because the line delays audio and the `clear` message equally. Echoes tell how much
/// later the far end plays; see ``EchoLags``.
///
/// Pure bookkeeping on instants that the caller passes in. Confined to the call's loop.
struct PlaybackLedger {
    /// The state of one part of an item's audio. An item has one part, unless its model has waited for a function's
    /// result and has gone on with the same item: between two parts there may be other audio, or a pause.
    struct Part {
        var item: AgentItem
        /// Milliseconds of the item that the agent has produced up to the end of this part, on its own clock; a
        /// truncation must not exceed them.
        var producedMilliseconds: Int = 0
        /// Bytes produced, in the telephony leg's encoding.
        var producedBytes: Int64 = 0
        /// Bytes sent; they are contiguous from `firstPosition` on.
        var sentBytes: Int64 = 0
        var firstPosition: Int64 = 0
        /// True if no more audio of this part will come.
        var isComplete = false

        var end: Int64 { firstPosition + sentBytes }
    }

    private struct Mark {
        var mark: PlaybackMark
        var position: Int64
    }

    private let bytesPerMillisecond: Int64
    /// True if the far end's position is reported, not estimated.
    private let isExact: Bool

    /// Counts interruptions. Marks of an older epoch were cleared.
    private(set) var epoch: UInt32 = 0
    private var nextMark: UInt32 = 1
    private var marks = FIFO<Mark>()

    /// The parts that may not be played to their end, oldest first.
    private var parts: [Part] = []
    /// The item of the latest part that was played to its end, and the bytes of all its parts that were.
    private var heardOut: (item: AgentItem, bytes: Int64)?
    /// Items up to this index are over; their further audio is dropped.
    private(set) var discardedThrough = -1

    /// The time after the estimated end of playout during which an echo may still come.
    private static let echoPatience = Duration.seconds(1)

    /// All bytes sent.
    private(set) var sent: Int64 = 0
    /// The position up to which playout is certain.
    private var acknowledged: Int64 = 0
    /// The start position and the start of the present run of audio without a pause.
    private var run: (start: Int64, at: MonotonicInstant)?
    private var lags = EchoLags()

    /// - Parameter isExact: the caller calls ``acknowledge(_:)`` with the true position before every question, so
    ///   nothing is estimated.
    init(bytesPerMillisecond: Int, isExact: Bool = false) {
        self.bytesPerMillisecond = Int64(bytesPerMillisecond)
        self.isExact = isExact
    }

    // MARK: Events

    /// True if this item's audio must be dropped, because it was interrupted.
    func isDiscarded(_ item: AgentItem) -> Bool {
        item.index <= discardedThrough
    }

    /// Drops further audio of this item and of those before it.
    mutating func discard(_ item: AgentItem) {
        discardedThrough = max(discardedThrough, item.index)
    }

    /// Lets audio of items beyond `index` in again: they were cut by the line, and not by the caller.
    mutating func readmit(beyond index: Int) {
        discardedThrough = min(discardedThrough, index)
    }

    mutating func produced(_ bytes: Int, of item: AgentItem) {
        parts[growingPart(of: item)].producedBytes += Int64(bytes)
    }

    /// - Parameter milliseconds: the length of the item so far, on the agent's own clock.
    mutating func produced(milliseconds: Int, of item: AgentItem) {
        parts[growingPart(of: item)].producedMilliseconds = milliseconds
    }

    mutating func completed(_ item: AgentItem) {
        if let index = parts.lastIndex(where: { $0.item == item }) {
            parts[index].isComplete = true
        }
    }

    /// - Parameter startsRun: true if nothing was playing before these bytes.
    mutating func sent(_ bytes: Int, of item: AgentItem, startsRun: Bool, at now: MonotonicInstant) {
        if startsRun {
            run = (sent, now)
            lags.runBegan()
        }
        let index = waitingPart(of: item)
        if parts[index].sentBytes == 0 { parts[index].firstPosition = sent }
        parts[index].sentBytes += Int64(bytes)
        sent += Int64(bytes)
    }

    /// Makes a mark after all bytes sent so far.
    mutating func makeMark() -> PlaybackMark {
        let mark = PlaybackMark(epoch: epoch, number: nextMark)
        nextMark &+= 1
        marks.append(Mark(mark: mark, position: sent))
        return mark
    }

    /// True if the latest mark is after all bytes sent.
    var isMarked: Bool { (marks.last?.position ?? acknowledged) >= sent }

    enum Echo {
        case played, cleared, unknown
    }

    /// The carrier returned a mark.
    ///
    /// A carrier also returns, at once, the marks that a `clear` dropped. Such a mark belongs to an older epoch and
    /// proves nothing.
    mutating func echoed(_ mark: PlaybackMark, at now: MonotonicInstant) -> Echo {
        guard mark.epoch == epoch else { return mark.epoch < epoch ? .cleared : .unknown }
        guard let first = marks.first, mark.number >= first.mark.number, mark.number < nextMark else { return .unknown }
        while let first = marks.first, first.mark.number <= mark.number {
            marks.popFirst()
            // Audio before a lost mark may have been played earlier, so its time says nothing.
            if first.mark.number == mark.number { noteLag(of: first.position, at: now) }
            acknowledge(first.position)
        }
        return .played
    }

    private mutating func noteLag(of position: Int64, at now: MonotonicInstant) {
        // An echo from the run before says nothing about the start of this one.
        guard let run, position > run.start else { return }
        lags.note((now - run.at).wholeNanoseconds - nanoseconds(of: position - run.start))
    }

    /// Records that playout has reached this position.
    mutating func acknowledge(_ position: Int64) {
        acknowledged = max(acknowledged, min(position, sent))
        let known = acknowledged
        func isHeardOut(_ part: Part) -> Bool {
            part.isComplete && part.sentBytes >= part.producedBytes && part.end <= known
        }
        for part in parts where isHeardOut(part) { noteHeardOut(part) }
        parts.removeAll(where: isHeardOut)
    }

    private mutating func noteHeardOut(_ part: Part) {
        guard !part.item.isInserted else { return }
        heardOut = (part.item, heardBefore(part.item) + part.sentBytes)
    }

    /// The bytes of the item's parts that were played to their end.
    private func heardBefore(_ item: AgentItem) -> Int64 {
        heardOut?.item == item ? heardOut?.bytes ?? 0 : 0
    }

    // MARK: Estimates

    /// The estimated playout position.
    func played(at now: MonotonicInstant) -> Int64 {
        guard !isExact, let run else { return acknowledged }
        let elapsed = max(0, (now - run.at).wholeNanoseconds - lags.delay)
        let estimate = run.start + elapsed / 1_000_000 * bytesPerMillisecond
        return min(max(acknowledged, estimate), sent)
    }

    /// True if everything sent has been heard: the far end has reported it, or its report is so late that it will not
    /// come.
    func isPlayedOut(at now: MonotonicInstant) -> Bool {
        acknowledged >= sent || played(at: now - Self.echoPatience) >= sent
    }

    /// True if everything up to this position has been heard, as far as can be known.
    func isPlayed(_ position: Int64, at now: MonotonicInstant) -> Bool {
        acknowledged >= position || played(at: now - Self.echoPatience) >= position
    }

    /// True if audio may still be playing; the far end is always somewhat later than the estimate.
    var mayBePlaying: Bool { acknowledged < sent }

    /// Ends the epoch: unplayed audio will not be played.
    ///
    /// - Parameters:
    ///   - clears: true if the far end is emptied; otherwise it plays what was sent, and the epoch goes on.
    ///   - sparesDigits: keeps dialled digits.
    /// - Returns: how much the caller heard; `nil` if nothing was cut short.
    mutating func interrupt(
        clears: Bool = true,
        sparesDigits: Bool = false,
        at now: MonotonicInstant
    ) -> PlaybackInterruption? {
        let position = clears ? played(at: now) : sent
        var interruption = PlaybackInterruption()
        var kept: [Part] = []
        for part in parts {
            if sparesDigits, part.item.isDigits {
                kept.append(part)
                continue
            }
            discardedThrough = max(discardedThrough, part.item.index)
            let heardBytes = part.sentBytes == 0 ? 0 : min(max(0, position - part.firstPosition), part.sentBytes)
            let isWhole = part.isComplete && heardBytes >= part.producedBytes
            if isWhole {
                if clears { noteHeardOut(part) } else { kept.append(part) }
            } else {
                interruption.cut(part, heard: (heardBefore(part.item) + heardBytes) / bytesPerMillisecond)
            }
        }
        parts = kept
        if clears {
            epoch &+= 1
            marks.removeAll()
            acknowledged = sent
            run = nil
        }
        return interruption.isEmpty ? nil : interruption
    }

    private func nanoseconds(of bytes: Int64) -> Int64 { bytes * 1_000_000 / bytesPerMillisecond }

    /// The part to which new audio of the item belongs.
    private mutating func growingPart(of item: AgentItem) -> Int {
        if let index = parts.lastIndex(where: { $0.item == item && !$0.isComplete }) { return index }
        parts.append(Part(item: item))
        return parts.count - 1
    }

    /// The part of the item whose audio is sent next.
    private mutating func waitingPart(of item: AgentItem) -> Int {
        parts.firstIndex { $0.item == item && $0.sentBytes < $0.producedBytes }
            ?? parts.lastIndex { $0.item == item } ?? growingPart(of: item)
    }
}

extension PlaybackInterruption {
    /// - Parameter milliseconds: the milliseconds of the item that the caller heard, by the bytes.
    fileprivate mutating func cut(_ part: PlaybackLedger.Part, heard milliseconds: Int64) {
        let heard = min(Int(milliseconds), part.producedMilliseconds)
        if let earlier = self.heard.firstIndex(where: { $0.item == part.item }) {
            self.heard[earlier].milliseconds = max(self.heard[earlier].milliseconds, heard)
            self.heard[earlier].producedMilliseconds = part.producedMilliseconds
        } else if heard > 0 || isEmpty {
            self.heard.append(
                Heard(item: part.item, milliseconds: heard, producedMilliseconds: part.producedMilliseconds)
            )
        } else if neverHeard.last != part.item {
            neverHeard.append(part.item)
        }
    }
}

/// The audio that an interruption cut short.
package struct PlaybackInterruption: Equatable, Sendable {
    package struct Heard: Equatable, Sendable {
        package var item: AgentItem
        /// Milliseconds of this item that the caller heard; never more than were produced.
        package var milliseconds: Int
        /// The length of the item's audio so far, in milliseconds; `nil` if it is not known.
        package var producedMilliseconds: Int?
    }

    /// The items cut short of which the caller heard something; if there is none, the next item, with 0 ms.
    package var heard: [Heard] = []
    /// The other items, of which the caller heard nothing.
    package var neverHeard: [AgentItem] = []

    package var isEmpty: Bool { heard.isEmpty && neverHeard.isEmpty }

    /// Removes inserted audio, which neither the model nor the transcript knows.
    /// - Returns: the milliseconds heard, by insertion.
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
