import FoundationEssentials
import NIOCore
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#endif

/// Gives the threads that must not be late precedence over all other threads of the process.
///
/// If there is more work than processors, the scheduler divides the time evenly. A thread with a frame's work every 20
/// ms then waits for whole time slices of requests, queries and deliveries. Raising a thread's priority needs a
/// privilege. Lowering all other threads has the same effect and needs none. They are lowered, not restricted to idle
/// time, because they may hold something that the media loop waits for (a lock, a page).
///
/// Does nothing on systems other than Linux with glibc.
package enum ThreadPrecedence {
    /// A thread, by the kernel's identifier.
    package struct Thread: Hashable, Sendable {
        fileprivate let id: Int32
    }

    /// The difference in niceness. A lowered thread gets about a tenth of the time of a first one if both want the
    /// processor, and is interrupted when the first one wakes.
    package static let step: Int32 = 10
    private static let lookAgain = Duration.seconds(1)

    /// Keeps all other threads lowered until the task is cancelled. That includes new threads, which begin with the
    /// niceness of the thread that started them.
    package static func keep(_ first: Set<Thread>) async {
        repeat { lower(allBut: first) } while (try? await Task.sleep(for: lookAgain)) != nil
    }

    #if canImport(Glibc)
    /// The calling thread.
    package static var current: Thread? {
        // The link has the form "PID/task/TID".
        let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
        return (link?.split(separator: "/").last).flatMap { Int32($0) }.map(Thread.init)
    }

    package static func lower(allBut first: Set<Thread>) {
        guard let highest = first.compactMap(niceness).min() else { return }
        let lowered = min(highest + step, 19)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        for thread in names.compactMap({ Int32($0) }).map(Thread.init) where !first.contains(thread) {
            // A thread with a lower precedence keeps it.
            guard let own = niceness(thread), own < lowered else { continue }
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(thread.id), lowered)
        }
    }

    /// - Returns: `nil` if the thread does not exist any more.
    package static func niceness(_ thread: Thread) -> Int32? {
        // -1 is a valid level, so only `errno` tells an error.
        errno = 0
        let level = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(thread.id))
        return errno == 0 ? level : nil
    }
    #else
    package static var current: Thread? { nil }
    package static func lower(allBut first: Set<Thread>) {}
    package static func niceness(_ thread: Thread) -> Int32? { nil }
    #endif
}

/// Gives the loops that carry media precedence, for as long as the server runs.
struct MediaPrecedence: Service {
    let eventLoops: [any EventLoop]

    func run() async throws {
        var loops: Set<ThreadPrecedence.Thread> = []
        for eventLoop in eventLoops {
            if let thread = try await eventLoop.submit({ ThreadPrecedence.current }).get() { loops.insert(thread) }
        }
        let threads = loops
        await cancelWhenGracefulShutdown { await ThreadPrecedence.keep(threads) }
    }
}
