import CLinux
import FoundationEssentials
import Logging
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#endif

/// Gives memory back to the system that ended calls have freed.
///
/// After a burst of calls, what is freed lies between pieces that are still in use. The C library keeps it, so that a
/// server looks for days as large as at its busiest moment. Does nothing on systems other than Linux with glibc.
///
/// To look, and to give back, the C library walks through its lists of free pieces under the lock of each: some 8 and
/// 15 ms with 25,000 pieces. Frames allocate nothing and do not wait for it. Other work may, so the looks become rarer
/// while there is nothing to give back.
struct FreedMemory: Service {
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var watch = Watch()
            while (try? await Task.sleep(for: watch.pause)) != nil { look(&watch) }
        }
    }

    func look(_ watch: inout Watch) {
        guard let resident = Self.residentBytes else { return }
        watch.looked(resident: resident, used: Self.usedBytes)
        guard watch.isWorthwhile else { return }
        let began = ContinuousClock.now
        linux_release_freed_memory()
        let left = Self.residentBytes ?? resident
        watch.released(leaving: left, used: Self.usedBytes)
        logger.debug(
            "Freed memory was given back",
            metadata: ["kib": "\((resident - left) >> 10)", "took": "\(ContinuousClock.now - began)"]
        )
    }

    /// Decides when to look and when to give memory back.
    struct Watch {
        /// The bytes that the program had not freed at the latest look.
        private var used = 0
        /// The bytes that it had freed, and that the system had not got back.
        private var freed = 0
        /// The bytes that the last time did not give back, because something in their pages is in use.
        private var stuck = 0
        /// The time until the next look.
        private(set) var pause = Self.shortestPause

        /// Less than this is not worth the time.
        static let worthwhile = 4 << 20
        static let shortestPause = Duration.seconds(10)
        static let longestPause = Duration.seconds(160)

        /// - Parameters:
        ///   - resident: bytes of memory of this process's own.
        ///   - used: bytes that the program has not freed.
        mutating func looked(resident: Int, used: Int) {
            self.used = used
            freed = max(0, resident - used)
            stuck = min(stuck, freed)
            pause = isWorthwhile ? Self.shortestPause : min(pause * 2, Self.longestPause)
        }

        /// True if the latest look found enough that can be given back. False also on a busy server, which would need
        /// most of it again at once.
        var isWorthwhile: Bool { freed - stuck >= max(Self.worthwhile, used / 8) }

        mutating func released(leaving resident: Int, used: Int) {
            self.used = used
            freed = max(0, resident - used)
            stuck = freed
        }
    }

    /// Bytes of resident memory that are this process's own: not files, not shared.
    static var residentBytes: Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
        let fields = text.split(separator: " ")
        guard fields.count > 2, let resident = Int(fields[1]), let shared = Int(fields[2]) else { return nil }
        return max(0, resident - shared) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Bytes that the program has allocated and not freed. `Int.max` where it is not known.
    static var usedBytes: Int {
        let used = linux_used_memory()
        return used == 0 ? .max : Int(clamping: used)
    }
}
