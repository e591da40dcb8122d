#if os(Linux)
import CLinux
import Foundation

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// The monotonic clock, which all processes of a machine share, and the processor time of this thread, in nanoseconds.
package enum LoadClock {
    package static var now: Int64 { read(CLOCK_MONOTONIC) }
    package static var ofThisThread: Int64 { read(CLOCK_THREAD_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// The choice of the processor that runs a thread.
package enum ProcessorAffinity {
    /// Processors that the calling thread may use, ascending.
    package static var allowed: [Int] {
        var set = cpu_set_t()
        guard linux_getaffinity(0, MemoryLayout<cpu_set_t>.size, &set) == 0 else { return [] }
        return withUnsafeBytes(of: &set) { bytes in
            (0..<bytes.count * 8).filter { bytes[$0 / 8] & (1 << UInt8($0 % 8)) != 0 }
        }
    }

    /// Binds the calling thread, and the threads it starts from now on, to one processor.
    /// - Returns: `false` if the system refuses.
    @discardableResult
    package static func pin(to processor: Int) -> Bool { pin(thread: 0, to: processor) }

    /// Binds every thread of the process to one processor: the existing ones, and those that they start.
    package static func pinProcess(to processor: Int) {
        // Bind the calling thread first, so that threads that it starts meanwhile are bound already.
        pin(to: processor)
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        for thread in threads.compactMap({ Int32($0) }) { _ = pin(thread: thread, to: processor) }
    }

    private static func pin(thread: Int32, to processor: Int) -> Bool {
        var set = cpu_set_t()
        guard processor >= 0, processor < MemoryLayout<cpu_set_t>.size * 8 else { return false }
        withUnsafeMutableBytes(of: &set) { $0[processor / 8] = 1 << UInt8(processor % 8) }
        return linux_setaffinity(thread, MemoryLayout<cpu_set_t>.size, &set) == 0
    }
}
#endif
