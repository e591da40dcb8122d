import Dispatch
import FoundationEssentials

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The file descriptors of this process.
///
/// Libraries below the server abort the process when they cannot get a descriptor. So the server keeps some free at all
/// times: see ``DescriptorBudget``.
package enum ProcessDescriptors {
    /// Enough for every machine that runs a call bridge. Some systems allow a thousand times as many, but the kernel's
    /// tables grow with the limit.
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
        // If the system refuses, the limit stays, and the budget is based on it.
        _ = setrlimit(kind, &limit)
    }

    /// The lowest free number, below which all numbers are in use; `nil` if no number is free.
    ///
    /// Takes three system calls, some microseconds. None of them waits.
    package static func lowestFree() -> Int? {
        let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        close(descriptor)
        return Int(descriptor)
    }

    /// Makes the system's libraries open their descriptors while there is room. Timers and queues open theirs at their
    /// first use, and abort the process if they cannot.
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

/// Divides the descriptors: a reserve for files, outbound connections and libraries, and the rest for connections and
/// calls.
///
/// The system assigns the lowest free number. While the server takes nothing from outside whose number lies in the
/// reserve without closing something else for it, the reserve stays free for the server itself.
struct DescriptorBudget: Sendable {
    let limit: Int
    /// The number kept free: an eighth, at least 16 and at most 256.
    let reserve: Int
    private let lowestFree: @Sendable () -> Int?

    /// The descriptors of a call: the media socket, the model's socket, the capture and the recording, and a share of
    /// the connections to the carrier and to webhooks.
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

    /// True if a new connection from outside must displace another one.
    ///
    /// - Parameter descriptor: the connection's; `nil` if it is not known.
    func isScarce(at descriptor: Int?) -> Bool {
        max(descriptor ?? 0, lowestFree() ?? .max) >= limit - reserve
    }

    /// True if another call may begin.
    var hasRoomForCall: Bool { (lowestFree() ?? .max) < limit - reserve - Self.perCall }

    /// The most connections from outside. Includes those of calls, because a caller's media socket is one of them.
    var connections: Int { max(8, limit - reserve - 16) }

    /// The approximate number of calls that fit.
    var calls: Int { max(1, (limit - reserve - Self.idle) / Self.perCall) }
}
