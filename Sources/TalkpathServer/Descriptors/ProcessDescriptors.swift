import Dispatch
import FoundationEssentials

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The file descriptors that this process may have open.
///
/// Libraries below the server abort the process when they get none, so the server keeps some free at all times: see
/// ``DescriptorBudget``.
package enum ProcessDescriptors {
    /// Enough for every machine that a call bridge runs on; some systems allow a thousand times as many, and tables grow
    /// with the limit.
    private static let most: rlim_t = 1 << 20

    /// The limit of open descriptors (`RLIMIT_NOFILE`, the soft limit).
    package static var limit: Int {
        var limit = rlimit()
        guard getrlimit(kind, &limit) == 0 else { return 1024 }
        return Int(clamping: min(limit.rlim_cur, most))
    }

    /// Raises the soft limit to the hard one, which needs no privilege.
    package static func raiseLimit() {
        var limit = rlimit()
        guard getrlimit(kind, &limit) == 0 else { return }
        let wanted = min(limit.rlim_max, most)
        guard wanted > limit.rlim_cur else { return }
        limit.rlim_cur = wanted
        // A system that refuses leaves the limit as it was, and the budget is made of that.
        _ = setrlimit(kind, &limit)
    }

    /// The lowest number that is free; nil when none is. All numbers below it are in use.
    ///
    /// Three system calls, some microseconds; none of them waits.
    package static func lowestFree() -> Int? {
        let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        close(descriptor)
        return Int(descriptor)
    }

    /// Has the system's libraries open what they keep open, while there is room: timers and queues open theirs when they
    /// are first used, and abort the process if they cannot.
    package static func warmUp() async {
        try? await Task.sleep(for: .milliseconds(1), clock: .continuous)
        try? await Task.sleep(for: .milliseconds(1), clock: .suspending)
        await withCheckedContinuation { continuation in
            DispatchQueue.global().asyncAfter(wallDeadline: .now() + .milliseconds(1)) {
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(1)) { continuation.resume() }
            }
        }
    }

    #if canImport(Glibc)
    private static let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
    private static let kind = RLIMIT_NOFILE
    #endif
}

/// Divides the descriptors: some are kept free for files, outbound connections and libraries; the rest is for
/// connections and calls.
///
/// Numbers are given out from the lowest on. While everything that comes from outside is turned away once the lowest free
/// number lies in the reserve, the reserve stays free for the server itself.
struct DescriptorBudget: Sendable {
    let limit: Int
    /// Kept free: an eighth, at least 16 and at most 256.
    let reserve: Int
    private let lowestFree: @Sendable () -> Int?

    /// A call's media socket and model's socket, its capture and its recording, and its part in connections to the
    /// carrier and to webhooks.
    static let perCall = 6
    /// The descriptors that a server has open before its first call.
    static let idle = 48

    init(
        limit: Int = ProcessDescriptors.limit,
        lowestFree: @escaping @Sendable () -> Int? = ProcessDescriptors.lowestFree
    ) {
        self.limit = limit
        self.lowestFree = lowestFree
        reserve = min(256, max(16, limit / 8))
    }

    /// Tells whether connections from outside must be closed before new ones are accepted.
    var isScarce: Bool { (lowestFree() ?? .max) >= limit - reserve }

    /// Tells whether another call may begin.
    var hasRoomForCall: Bool { (lowestFree() ?? .max) < limit - reserve - Self.perCall }

    /// So many connections may come from outside at once; the calls' own part is not kept from them, since a caller's
    /// media socket is one of them.
    var connections: Int { max(8, limit - reserve - 16) }

    /// So many calls fit, roughly.
    var calls: Int { max(1, (limit - reserve - Self.idle) / Self.perCall) }
}
