import FoundationEssentials
import NIOCore
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#endif

/// Lets the threads that may not be late go before all others of the process.
///
/// Where there is more to do than processors, the scheduler shares them out evenly: a thread that has a frame's work to
/// do every 20 ms then waits for whole time slices of requests, queries and deliveries. Raising a thread needs a
/// privilege; lowering all the others has the same effect and needs none. They are lowered, not kept for idle times: what
/// the media loop waits for (a lock, a page) may be in their hands.
///
/// Does nothing where it is not known how (anything but Linux with glibc).
package enum ThreadPrecedence {
    /// A thread, as the kernel counts them.
    package struct Thread: Hashable, Sendable {
        fileprivate let id: Int32
    }

    /// So many levels of niceness lie between: a lowered thread gets a tenth of what a first one gets of a processor
    /// that both want, and is interrupted when the first one wakes.
    package static let step: Int32 = 10
    private static let lookAgain = Duration.seconds(1)

    /// Keeps all other threads lowered until the task is cancelled: also those that come later, which begin as high as
    /// the thread that started them.
    package static func keep(_ first: Thread?) async {
        repeat { lower(allBut: first) } while (try? await Task.sleep(for: lookAgain)) != nil
    }

    #if canImport(Glibc)
    /// The calling thread.
    package static var current: Thread? {
        // "PID/task/TID"
        let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
        return (link?.split(separator: "/").last).flatMap { Int32($0) }.map(Thread.init)
    }

    package static func lower(allBut first: Thread?) {
        guard let first, let highest = niceness(first) else { return }
        let lowered = min(highest + step, 19)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        for thread in names.compactMap({ Int32($0) }).map(Thread.init) where thread != first {
            // A thread with a lower precedence keeps it.
            guard let own = niceness(thread), own < lowered else { continue }
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(thread.id), lowered)
        }
    }

    /// - Returns: nil if there is no such thread any more.
    package static func niceness(_ thread: Thread) -> Int32? {
        // -1 is a level as well.
        errno = 0
        let level = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(thread.id))
        return errno == 0 ? level : nil
    }
    #else
    package static var current: Thread? { nil }
    package static func lower(allBut first: Thread?) {}
    package static func niceness(_ thread: Thread) -> Int32? { nil }
    #endif
}

/// The media loop goes first, for as long as the server runs.
struct MediaPrecedence: Service {
    let eventLoop: any EventLoop

    func run() async throws {
        let loop = try await eventLoop.submit { ThreadPrecedence.current }.get()
        await cancelWhenGracefulShutdown { await ThreadPrecedence.keep(loop) }
    }
}
