package import NIOCore
package import TalkpathAudio

/// Something that has a frame's work to do every 20 ms.
package protocol FrameTickerEntry: AnyObject {
    /// - Parameter now: when this tick began, the same instant for every entry of the tick.
    func tick(at now: MonotonicInstant)
}

/// The 20 ms clock of one event loop: one timer, one wake, all calls on that loop.
///
/// Ticks lie on absolute deadlines, so they do not drift. After a stall the missed ticks are skipped and counted, not
/// made up for: entries pace by the instant they are given, not by counting ticks. While nobody is registered there is
/// no timer. A tick does not allocate, apart from what the event loop's timer may need.
///
/// To be used on its event loop only, which debug builds check. Entries are held strongly until unregistered.
package final class FrameTicker: @unchecked Sendable {
    // Sendable although mutable, because the event loop's timer asks for it: all state is touched on `eventLoop` only.

    /// What `register` gave out; worth nothing to another ticker.
    package struct Token: Hashable, Sendable {
        fileprivate let slot: Int
        fileprivate let generation: UInt32
    }

    /// How punctual the ticks were.
    package struct Punctuality: Equatable, Sendable {
        /// Ticks that took place.
        package var ticks = 0
        /// Ticks left out because the loop was busy over their time and the next one's.
        package var missed = 0
        /// How long after its deadline a tick began: the worst, and the sum over all ticks, for the mean.
        package var maximumLateness = Duration.zero
        package var totalLateness = Duration.zero
    }

    private struct Slot {
        var generation: UInt32
        var entry: (any FrameTickerEntry)?
    }

    package let eventLoop: any EventLoop
    package private(set) var punctuality = Punctuality()
    package private(set) var entryCount = 0

    /// Told once per tick how late it began, and how many were left out before it.
    private let observe: @Sendable (_ lateness: Duration, _ missed: Int) -> Void
    private var missedSinceTick = 0
    private let interval: TimeAmount
    private var slots: [Slot] = []
    private var freeSlots: [Int] = []
    private var deadline = NIODeadline.uptimeNanoseconds(0)
    private var callback: NIOScheduledCallback?
    private var isTicking = false

    package init(
        eventLoop: any EventLoop,
        interval: Duration = .milliseconds(20),
        observe: @escaping @Sendable (_ lateness: Duration, _ missed: Int) -> Void = { _, _ in }
    ) {
        self.observe = observe
        precondition(interval > .zero, "a ticker needs a positive interval")
        self.eventLoop = eventLoop
        self.interval = TimeAmount(interval)
    }

    /// From the next tick on, `entry` is called at every tick. The first registration starts the timer, a whole
    /// interval from now.
    package func register(_ entry: some FrameTickerEntry) -> Token {
        eventLoop.assertInEventLoop()
        entryCount += 1
        let token: Token
        // During a tick a freed slot is not used again: a new entry waits for the next tick.
        if !isTicking, let slot = freeSlots.popLast() {
            slots[slot].entry = entry
            token = Token(slot: slot, generation: slots[slot].generation)
        } else {
            slots.append(Slot(generation: 0, entry: entry))
            token = Token(slot: slots.count - 1, generation: 0)
        }
        if callback == nil, !isTicking {
            deadline = eventLoop.now + interval
            arm()
        }
        return token
    }

    /// The entry is not called again, not even within the tick that is running. A second call changes nothing.
    package func unregister(_ token: Token) {
        eventLoop.assertInEventLoop()
        guard slots.indices.contains(token.slot), slots[token.slot].generation == token.generation,
            slots[token.slot].entry != nil
        else { return }
        slots[token.slot].entry = nil
        slots[token.slot].generation &+= 1
        freeSlots.append(token.slot)
        entryCount -= 1
        if entryCount == 0 {
            callback?.cancel()
            callback = nil
        }
    }

    /// What ``punctuality`` says, which begins anew: a worst value is worth most for a known stretch of time.
    package func takePunctuality() -> Punctuality {
        eventLoop.assertInEventLoop()
        defer { punctuality = Punctuality() }
        return punctuality
    }

    private func arm() {
        // Fails only on a loop that is shut down: no more ticks then.
        callback = try? eventLoop.scheduleCallback(at: deadline, handler: self)
    }

    private func tick() {
        let now = eventLoop.now
        recordLateness(now)
        let instant = MonotonicInstant(nanoseconds: Int64(clamping: now.uptimeNanoseconds))
        isTicking = true
        let count = slots.count
        for slot in 0..<count {
            // Taken out first: the call may change `slots`.
            let entry = slots[slot].entry
            entry?.tick(at: instant)
        }
        isTicking = false
        guard entryCount > 0 else { return }
        scheduleNext()
    }

    private func recordLateness(_ now: NIODeadline) {
        let lateness = Duration(max(.zero, now - deadline))
        punctuality.ticks += 1
        punctuality.totalLateness += lateness
        punctuality.maximumLateness = max(punctuality.maximumLateness, lateness)
        observe(lateness, missedSinceTick)
        missedSinceTick = 0
    }

    private func scheduleNext() {
        deadline = deadline + interval
        // The time the entries took counts too: read the clock again.
        let overdue = eventLoop.now - deadline
        if overdue >= interval {
            let skipped = overdue.nanoseconds / interval.nanoseconds
            punctuality.missed += Int(skipped)
            missedSinceTick += Int(skipped)
            deadline = deadline + .nanoseconds(skipped * interval.nanoseconds)
        }
        arm()
    }
}

extension FrameTicker: NIOScheduledCallbackHandler {
    package func handleScheduledCallback(eventLoop: some EventLoop) {
        guard callback != nil else { return }
        callback = nil
        tick()
    }
}
