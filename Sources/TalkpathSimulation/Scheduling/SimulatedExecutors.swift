/// An executor that stands for an event loop.
public final class SimulatedLane: SerialExecutor {
    private unowned let scheduler: SimulationScheduler
    let number: Int

    init(_ scheduler: SimulationScheduler, _ number: Int) {
        self.scheduler = scheduler
        self.number = number
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        scheduler.enqueue(UnownedJob(job), on: number)
    }

    public func checkIsolated() {
        precondition(scheduler.laneAtWork == number, "state of the call's loop was accessed outside the loop")
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
