public import TalkpathAudio
public import TalkpathCore

/// Runs everything of one simulated world on the thread that calls ``run(atMost:)``, in an order that one seed decides.
///
/// It is several executors at once: the ``lanes``, each of which stands for an event loop and keeps its order, and the
/// ``pool``, which stands for all other threads and has no order. Timers run on the first lane unless told otherwise. Time is virtual. It advances to the next timer when nothing is
/// left to run, and sometimes a little earlier, because threads may be slow.
public final class SimulationScheduler: @unchecked Sendable {
    // Unchecked: everything runs on the one thread that calls ``run(atMost:)``.

    private struct Timer {
        var at: MonotonicInstant
        var number: Int
        var lane: Int
        var body: () -> Void
    }

    public private(set) var now = MonotonicInstant(nanoseconds: 1_000_000_000)
    private var random: SplitMix64
    /// The lane that runs at this moment.
    private(set) var laneAtWork: Int?
    public var isOnLane: Bool { laneAtWork == 0 }
    public private(set) var steps = 0

    private var laneJobs: [[UnownedJob]]
    private var poolJobs: [UnownedJob] = []
    /// The armed timers; the next one is the last.
    private var timers: [Timer] = []
    private var timerNumber = 0
    /// The latest time at which nothing was ready to run.
    private var busySince = MonotonicInstant(nanoseconds: 1_000_000_000)

    public private(set) var lanes: [SimulatedLane] = []
    public var lane: SimulatedLane { lanes[0] }
    var otherLane: SimulatedLane { lanes[1] }
    public private(set) var pool: SimulatedPool!

    public convenience init(seed: UInt64) { self.init(seed: seed, lanes: 2) }

    init(seed: UInt64, lanes count: Int) {
        random = SplitMix64(seed: seed)
        laneJobs = Array(repeating: [], count: count)
        lanes = (0..<count).map { SimulatedLane(self, $0) }
        pool = SimulatedPool(self)
    }

    // MARK: Chance

    public func number(below bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    public func chance(_ percent: Int) -> Bool { number(below: 100) < percent }

    public func pick<Choice>(_ choices: [Choice]) -> Choice { choices[number(below: choices.count)] }

    public func milliseconds(_ range: ClosedRange<Int>) -> Duration {
        .milliseconds(range.lowerBound + number(below: range.count))
    }

    // MARK: Time

    /// Calls `body` on the first lane, after that much virtual time.
    public func after(_ delay: Duration, _ body: @escaping () -> Void) { after(delay, on: 0, body) }

    func after(_ delay: Duration, on lane: Int, _ body: @escaping () -> Void) {
        timerNumber += 1
        let timer = Timer(at: now + max(.zero, delay), number: timerNumber, lane: lane, body: body)
        // Inserts after all timers that are due later. Of those due at the same instant, the older one is nearer to the
        // end.
        var low = 0
        var high = timers.count
        while low < high {
            let middle = (low + high) / 2
            if timers[middle].at > timer.at { low = middle + 1 } else { high = middle }
        }
        timers.insert(timer, at: low)
    }

    /// Waits in virtual time; `nil` waits for ever.
    /// - Returns: false as soon as the task has been cancelled.
    public func sleep(_ delay: Duration?) async -> Bool {
        let sleeper = Sleeper()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                sleeper.wait(continuation)
                if let delay { after(delay) { sleeper.wake() } }
            }
        } onCancel: {
            sleeper.wake()
        }
        return !Task.isCancelled
    }

    /// Waits like ``sleep(_:)``, but ignores cancellation.
    public func pause(_ delay: Duration) async {
        let sleeper = Sleeper()
        await withCheckedContinuation { continuation in
            sleeper.wait(continuation)
            after(delay) { sleeper.wake() }
        }
    }

    /// Runs `body` on the lane and returns its result.
    public func onLane<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            after(.zero) { continuation.resume(returning: body()) }
        }
    }

    /// Runs `body` at once as if on the lane. Only before anything runs, or when nothing runs any more.
    public func asLane<Value>(_ body: () -> Value) -> Value {
        asLane(0, body)
    }

    func asLane<Value>(_ lane: Int, _ body: () -> Value) -> Value {
        laneAtWork = lane
        defer { laneAtWork = nil }
        return body()
    }

    // MARK: Running

    /// True if the timer is due soon enough to run before slower threads: they may be slow, but not for ever.
    private func isSoon(_ timer: Timer?) -> Bool {
        guard let timer else { return false }
        return timer.at - busySince <= Self.longestDelay
    }

    private static let longestDelay = Duration.milliseconds(80)

    func enqueue(_ job: UnownedJob, on lane: Int) { laneJobs[lane].append(job) }

    func enqueueInPool(_ job: UnownedJob) { poolJobs.append(job) }

    /// Runs until nothing is left to run and no timer is armed, or until `limit` steps show that it would never stop.
    public func run(atMost limit: Int) {
        while steps < limit {
            steps += 1
            let ready = laneJobs.reduce(poolJobs.count) { $0 + ($1.isEmpty ? 0 : 1) }
            if ready == 0 { busySince = now }
            if ready == 0 || (random.next() % 32 == 0 && isSoon(timers.last)) {
                guard let timer = timers.popLast() else { return }
                now = max(now, timer.at)
                asLane(timer.lane, timer.body)
                continue
            }
            let choice = Int(random.next() % UInt64(ready))
            if choice < poolJobs.count {
                poolJobs.swapAt(choice, poolJobs.count - 1)
                poolJobs.removeLast().runSynchronously(on: pool.asUnownedTaskExecutor())
            } else {
                runOnLane(choice - poolJobs.count)
            }
        }
    }

    /// Runs the oldest job of one lane.
    /// - Parameter choice: the lane's place among those that have something to do.
    private func runOnLane(_ choice: Int) {
        var choice = choice
        for number in laneJobs.indices where !laneJobs[number].isEmpty {
            guard choice > 0 else {
                let job = laneJobs[number].removeFirst()
                return asLane(number) { job.runSynchronously(on: lanes[number].asUnownedSerialExecutor()) }
            }
            choice -= 1
        }
    }
}

extension SimulationScheduler: CallClock {
    /// Begins in November 2023 and advances with ``now``.
    public var wallTime: WallTime { WallTime(milliseconds: 1_700_000_000_000 + now.nanoseconds / 1_000_000) }
}
