package import NIOCore
import NIOPosix
import Synchronization
import TalkpathAudio
package import TalkpathCore

#if os(Linux)
import CLinux
#endif

/// One lane of the media plane: an event loop with its own thread, the calls that live on it, and their 20 ms clock.
package final class MediaLane: Sendable {
    package let eventLoop: any EventLoop
    package let calls: CallLane
    package var index: Int { calls.index }

    private let ticker: FrameTicker
    private let load: NIOLoopBoundBox<LaneLoad>

    init(eventLoop: any EventLoop, calls: CallLane, ticker: FrameTicker, load: NIOLoopBoundBox<LaneLoad>) {
        self.eventLoop = eventLoop
        self.calls = calls
        self.ticker = ticker
        self.load = load
    }

    /// Starts the lane's clock.
    func start() async -> FrameTicker.Token? {
        let entry = LaneTick(calls: calls, load: load)
        return try? await eventLoop.submit { self.ticker.register(entry) }.get()
    }

    func stop(_ token: FrameTicker.Token) async {
        try? await eventLoop.submit { self.ticker.unregister(token) }.get()
    }

    /// The punctuality of the lane's clock since the last call of this method, or since the clock started.
    func takePunctuality() async throws -> FrameTicker.Punctuality {
        try await eventLoop.submit { self.ticker.takePunctuality() }.get()
    }
}

/// The lateness of a lane's ticks and the work of its thread, from second to second. Use on the lane only.
struct LaneLoad {
    private var lag = Duration.zero
    private var ticks = 0
    private var since: MonotonicInstant?
    private var work = Duration.zero

    private static let ticksPerReport = 50

    mutating func ticked(late lateness: Duration) {
        lag = max(lag, lateness)
    }

    /// - Returns: the worst lateness and the share of work since the last report, once a second.
    mutating func report(at now: MonotonicInstant) -> (lag: Duration, busy: Double)? {
        ticks += 1
        guard ticks % Self.ticksPerReport == 0 else { return nil }
        let work = Self.threadTime
        defer { (lag, since, self.work) = (.zero, now, work) }
        guard let since, now > since else { return (lag, 0) }
        return (lag, min(1, max(0, (work - self.work) / (now - since))))
    }

    /// The processor time that the calling thread has had.
    private static var threadTime: Duration {
        #if os(Linux)
        .nanoseconds(linux_thread_nanoseconds())
        #else
        .zero
        #endif
    }
}

/// Forwards the ticks to the lane's calls.
private final class LaneTick: FrameTickerEntry, Sendable {
    private let calls: CallLane
    private let load: NIOLoopBoundBox<LaneLoad>

    init(calls: CallLane, load: NIOLoopBoundBox<LaneLoad>) {
        self.calls = calls
        self.load = load
    }

    func tick(at now: MonotonicInstant) {
        calls.assumeIsolated { $0.tick(at: now) }
        guard let report = load.value.report(at: now) else { return }
        calls.directory.load(of: calls.index, lag: report.lag, busy: report.busy)
    }
}

/// Asks a lane, and gives up if it does not answer in time.
struct BoundedAsker: LaneAsker {
    /// A lane that works answers within a few milliseconds.
    static let patience = Duration.milliseconds(100)

    func ask<Answer: Sendable>(
        _ lane: CallLane,
        _ question: @escaping @Sendable (isolated CallLane) -> Answer
    ) async -> Answer? {
        await withCheckedContinuation { continuation in
            let once = Once(continuation)
            // Neither task can be cancelled with the asker's: the lane may take its time, and no task waits for it.
            let patience = Task {
                try? await Task.sleep(for: Self.patience)
                once.resume(nil)
            }
            Task {
                let answer = await lane.answer(question)
                patience.cancel()
                once.resume(answer)
            }
        }
    }

    /// Resumes a continuation with the first of two answers.
    private final class Once<Answer: Sendable>: Sendable {
        private let continuation: Mutex<CheckedContinuation<Answer?, Never>?>

        init(_ continuation: CheckedContinuation<Answer?, Never>) {
            self.continuation = Mutex(continuation)
        }

        func resume(_ answer: Answer?) {
            let first = continuation.withLock { $0.take() }
            first?.resume(returning: answer)
        }
    }
}
