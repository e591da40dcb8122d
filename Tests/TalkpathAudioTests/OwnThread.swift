import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A thread of its own for one side of a lock-free structure.
///
/// Tasks would not do: the pool hands them from thread to thread through its queues, and those order everything before
/// with everything after, so that the thread sanitizer finds nothing wrong where only the structure's own atomics should
/// count.
enum OwnThread {
    /// Runs `body` on a new thread.
    static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }

    /// Lets others run, without ordering anything.
    static func yield() {
        sched_yield()
    }
}
