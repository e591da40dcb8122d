import TalkpathAudio

/// Runs a replayed call on the replaying thread: jobs run in the order of their requests, and time stands still
/// meanwhile.
///
/// It is two executors at once: the lane, which stands for the call's event loop, and the pool, which stands for all
/// other threads.
final class ReplayScheduler: @unchecked Sendable {
    // Unchecked: everything runs on the one replaying thread.

    private enum Work {
        case lane(UnownedJob)
        case pool(UnownedJob)
    }

    var now: MonotonicInstant
    fileprivate private(set) var isOnLane = false
    private var work: [Work] = []
    private var next = 0

    private(set) var lane: ReplayLane!
    private(set) var pool: ReplayPool!

    init(from now: MonotonicInstant) {
        self.now = now
        lane = ReplayLane(self)
        pool = ReplayPool(self)
    }

    fileprivate func enqueueOnLane(_ job: UnownedJob) { work.append(.lane(job)) }

    fileprivate func enqueueInPool(_ job: UnownedJob) { work.append(.pool(job)) }

    /// Runs until there is nothing left to run.
    func settle() {
        while next < work.count {
            let piece = work[next]
            next += 1
            switch piece {
            case .lane(let job):
                isOnLane = true
                job.runSynchronously(on: lane.asUnownedSerialExecutor())
                isOnLane = false
            case .pool(let job):
                job.runSynchronously(on: pool.asUnownedTaskExecutor())
            }
        }
        work.removeAll(keepingCapacity: true)
        next = 0
    }

    /// Runs `body` as the event loop would.
    func onLane<Value>(_ body: () throws -> Value) rethrows -> Value {
        isOnLane = true
        defer { isOnLane = false }
        return try body()
    }
}

final class ReplayLane: SerialExecutor {
    private unowned let scheduler: ReplayScheduler

    init(_ scheduler: ReplayScheduler) {
        self.scheduler = scheduler
    }

    func enqueue(_ job: consuming ExecutorJob) {
        scheduler.enqueueOnLane(UnownedJob(job))
    }

    func checkIsolated() {
        precondition(scheduler.isOnLane, "state of the call's loop was accessed outside the loop")
    }
}

final class ReplayPool: TaskExecutor {
    private unowned let scheduler: ReplayScheduler

    init(_ scheduler: ReplayScheduler) {
        self.scheduler = scheduler
    }

    func enqueue(_ job: consuming ExecutorJob) {
        scheduler.enqueueInPool(UnownedJob(job))
    }
}
