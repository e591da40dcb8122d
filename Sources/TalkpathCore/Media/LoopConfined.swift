/// A value that belongs to one executor, usually an event loop.
///
/// Any code may hold the object, but only code on the executor may access the value. Every access checks that, and
/// stops the program with a clear message instead of racing. So the synchronous media path and the session's actor can
/// share one object without a lock.
public final class LoopConfined<Value>: @unchecked Sendable {
    // Unchecked: every access asserts that it runs on `executor`, which runs one job at a time.
    private let stored: Value
    private let executor: any SerialExecutor

    package init(_ value: sending Value, on executor: any SerialExecutor) {
        stored = value
        self.executor = executor
    }

    /// The value. Read it on its executor only.
    package var value: Value {
        executor.preconditionIsolated("a call's media was accessed outside its event loop")
        return stored
    }
}
