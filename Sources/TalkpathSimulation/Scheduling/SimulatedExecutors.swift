/// The executor that stands for the event loop.
public final class SimulatedLane: SerialExecutor {
    private unowned let scheduler: SimulationScheduler

    init(_ scheduler: SimulationScheduler) {
        self.scheduler = scheduler
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        scheduler.enqueueOnLane(UnownedJob(job))
    }

    public func checkIsolated() {
        precondition(scheduler.isOnLane, "state of the call's loop was accessed outside the loop")
    }
}

/// The executor that stands for all other threads.
public final class SimulatedPool: TaskExecutor {
    private unowned let scheduler: SimulationScheduler

    init(_ scheduler: SimulationScheduler) {
        self.scheduler = scheduler
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        scheduler.enqueueInPool(UnownedJob(job))
    }
}
