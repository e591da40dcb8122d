package import NIOCore
package import TalkpathAudio

/// An object that does one frame's work every 20 ms.
package protocol FrameTickerEntry: AnyObject {
    /// - Parameter now: the instant at which this tick began; equal for every entry of the tick.
    func tick(at now: MonotonicInstant)
}

/// The 20 ms clock of one event loop: one timer and one wake for all calls on that loop.
///
/// Ticks have absolute deadlines, so they do not drift. After a stall the ticker skips and counts the missed ticks
/// instead of making up for them: entries pace by the instant that they are given, not by counting ticks. Without
/// entries there is no timer. A tick does not allocate, apart from the event loop's timer.
///
/// Use it on its event loop only, which debug builds check. It holds entries strongly until they are unregistered.
package final class FrameTicker: @unchecked Sendable {
    // Sendable although mutable, because the event loop's timer requires it: all state is accessed on `eventLoop` only.

    /// The result of `register`. Valid for the ticker that made it only.
    package struct Token: Hashable, Sendable {
        fileprivate let slot: Int
        fileprivate let generation: UInt32
    }

    /// The punctuality of the ticks.
    package struct Punctuality: Equatable, Sendable {
        /// Ticks that ran.
        package var ticks = 0
        /// Ticks skipped because the loop was busy from their deadline until the next one.
        package var missed = 0
        /// The delay from a tick's deadline to its start: the maximum, and the sum over all ticks, for the mean.
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

    /// Called once per tick with its lateness and the number of ticks skipped before it.
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

    /// Calls `entry` at every tick, from the next one on. The first registration starts the timer, one whole interval
    /// from now.
    package func register(_ entry: some FrameTickerEntry) -> Token {
        eventLoop.assertInEventLoop()
        entryCount += 1
        let token: Token
        // A tick that is running does not reuse freed slots, so a new entry waits for the next tick.
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

    /// Stops calling the entry, even within the tick that is running. A second call changes nothing.
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

    /// Returns ``punctuality`` and resets it, because a maximum needs a known period of time.
    package func takePunctuality() -> Punctuality {
        eventLoop.assertInEventLoop()
        defer { punctuality = Punctuality() }
        return punctuality
    }

    private func arm() {
        // Fails only if the loop is shut down, and then there are no more ticks.
        callback = try? eventLoop.scheduleCallback(at: deadline, handler: self)
    }

    private func tick() {
        let now = eventLoop.now
        recordLateness(now)
        let instant = MonotonicInstant(nanoseconds: Int64(clamping: now.uptimeNanoseconds))
        isTicking = true
        let count = slots.count
        for slot in 0..<count {
            // Reads the entry first, because the call may change `slots`.
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
        // Reads the clock again, because the entries' own time counts too.
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
