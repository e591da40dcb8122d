#if os(Linux)
import CLinux

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Readiness of many sockets, and a beat on absolute deadlines, for one thread.
///
/// The fleet must be cheaper than the server that it measures, so it uses the system's own calls.
final class EventPoll {
    /// The ready descriptors, by the numbers they were added with.
    struct Ready {
        var token: Int
        var canRead: Bool
        var canWrite: Bool
    }

    private let poll: Int32
    private let timer: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private static let mostEvents = 256
    private static let timerToken = UInt64.max

    init() throws(LoadError) {
        poll = epoll_create1(Int32(EPOLL_CLOEXEC))
        timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK | TFD_CLOEXEC))
        events = .allocate(capacity: Self.mostEvents)
        events.initialize(repeating: epoll_event(), count: Self.mostEvents)
        guard poll >= 0, timer >= 0, control(EPOLL_CTL_ADD, timer, Self.timerToken, EPOLLIN.rawValue) else {
            throw LoadError(.system, "the system has no descriptors left to wait with (\(errorText()))")
        }
    }

    deinit {
        close(timer)
        close(poll)
        events.deallocate()
    }

    @discardableResult
    func add(_ descriptor: Int32, token: Int) -> Bool {
        control(EPOLL_CTL_ADD, descriptor, UInt64(token), EPOLLIN.rawValue)
    }

    /// Starts or stops waiting for room in the socket's send buffer.
    func awaitRoom(_ descriptor: Int32, token: Int, _ isWanted: Bool) {
        let interest = isWanted ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue
        _ = control(EPOLL_CTL_MOD, descriptor, UInt64(token), interest)
    }

    func remove(_ descriptor: Int32) {
        _ = control(EPOLL_CTL_DEL, descriptor, 0, 0)
    }

    /// Wakes `wait` at `first`, and every `interval` nanoseconds after it, regardless of when the last beat was
    /// noticed.
    func beat(from first: Int64, every interval: Int64) {
        func time(_ nanoseconds: Int64) -> timespec {
            timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        }
        var setting = itimerspec(it_interval: time(interval), it_value: time(first))
        timerfd_settime(timer, Int32(TFD_TIMER_ABSTIME), &setting, nil)
    }

    /// Waits for at most a second, and passes on the ready sockets. A beat also makes it return.
    func wait(_ body: (Ready) -> Void) {
        let count = epoll_wait(poll, events, Int32(Self.mostEvents), 1000)
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            let (token, state) = (events[index].data.u64, events[index].events)
            guard token != Self.timerToken else {
                var beats: UInt64 = 0
                _ = read(timer, &beats, MemoryLayout<UInt64>.size)
                continue
            }
            let isOver = state & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
            body(
                Ready(
                    token: Int(token),
                    canRead: isOver || state & EPOLLIN.rawValue != 0,
                    canWrite: state & EPOLLOUT.rawValue != 0
                )
            )
        }
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ token: UInt64, _ interest: UInt32) -> Bool {
        var event = epoll_event()
        event.events = interest
        event.data.u64 = token
        return epoll_ctl(poll, operation, descriptor, &event) == 0
    }
}

/// The system's text for the last error.
func errorText() -> String { String(cString: strerror(errno)) }
#endif
