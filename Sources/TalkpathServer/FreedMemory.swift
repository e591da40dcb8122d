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
struct FreedMemory: Service {
    let logger: Logger

    /// The time between two looks. A look costs less than a millisecond.
    static let lookAgain = Duration.seconds(10)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var watch = Watch()
            while (try? await Task.sleep(for: Self.lookAgain)) != nil { look(&watch) }
        }
    }

    func look(_ watch: inout Watch) {
        guard let resident = Self.residentBytes, watch.isWorthwhile(resident: resident, used: Self.usedBytes) else {
            return
        }
        let began = ContinuousClock.now
        linux_release_freed_memory()
        let left = Self.residentBytes ?? resident
        watch.released(leaving: left, used: Self.usedBytes)
        logger.debug(
            "Freed memory was given back",
            metadata: ["kib": "\((resident - left) >> 10)", "took": "\(ContinuousClock.now - began)"]
        )
    }

    /// Decides when to give memory back.
    struct Watch {
        /// The bytes that the last time did not give back, because something in their pages is in use.
        private var stuck = 0

        /// Less than this is not worth the time.
        static let worthwhile = 4 << 20

        /// - Parameters:
        ///   - resident: bytes of memory of this process's own.
        ///   - used: bytes that the program has not freed.
        /// - Returns: false also on a busy server, which would need most of it again at once.
        mutating func isWorthwhile(resident: Int, used: Int) -> Bool {
            let freed = max(0, resident - used)
            stuck = min(stuck, freed)
            return freed - stuck >= max(Self.worthwhile, used / 8)
        }

        mutating func released(leaving resident: Int, used: Int) { stuck = max(0, resident - used) }
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
