import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Runs one side of a lock-free structure on a thread of its own.
///
/// Tasks would not do: the pool moves them from thread to thread through its queues. Those queues order all accesses,
/// so the thread sanitizer would find no fault where only the structure's own atomics should order them.
enum OwnThread {
    /// Runs `body` on a new thread.
    static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }

    /// Yields the processor without ordering any memory access.
    static func yield() {
        sched_yield()
    }
}
