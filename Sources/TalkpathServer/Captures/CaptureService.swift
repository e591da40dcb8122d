import Logging
import NIOCore
import NIOPosix
import Synchronization
import TalkpathAudio
import TalkpathCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Writes down what the calls' taps hold: one thread for all of them, apart from the one that carries the calls.
///
/// The thread looks every 20 ms as long as there is anything to capture. A disk that is slow, full or gone stops
/// captures, never calls.
final class CaptureService: CaptureSink {
    let standard: CaptureWish
    let recordings: Recordings
    /// Each file when it is whole; ends after ``finish()``. For one reader.
    let files: AsyncStream<KeptFile>

    private let fileQueue: AsyncStream<KeptFile>.Continuation
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let loop: any EventLoop
    private let state: NIOLoopBoundBox<State>
    private let logger: Logger

    private struct State {
        var jobs: [CaptureJob] = []
        var clock: RepeatedTask?
    }

    private static let interval = TimeAmount.milliseconds(20)

    /// - Parameter standard: for calls and agents that have no wish of their own.
    init(recordings: Recordings, standard: CaptureWish, logger: Logger) {
        self.recordings = recordings
        self.standard = standard
        self.logger = logger
        (files, fileQueue) = AsyncStream.makeStream()
        // A limit to the size of files must fail the write, as a full disk does, and not end the process.
        signal(SIGXFSZ, SIG_IGN)
        loop = group.next()
        state = NIOLoopBoundBox.makeBoxSendingValue(State(), eventLoop: loop)
    }

    /// Creates the folder, if need be.
    /// - Returns: what is wrong with it; nil if captures can be written there.
    static func problem(withFolder folder: String) -> String? {
        if mkdir(folder, 0o700) != 0, errno != EEXIST {
            return "cannot be created: \(String(cString: strerror(errno)))"
        }
        guard access(folder, W_OK | X_OK) == 0 else {
            return "cannot be written to: \(String(cString: strerror(errno)))"
        }
        return nil
    }

    /// On a call's loop.
    func open(_ facts: CaptureFacts) -> CaptureTap? {
        let ring = ByteRing(minimumCapacity: CaptureTap.ringCapacity)
        let job = CaptureJob(
            facts,
            reader: CaptureTapReader(ring: ring.consumer),
            recordings: recordings,
            logger: logger,
            onFile: { [fileQueue] in fileQueue.yield($0) }
        )
        loop.execute { self.begin(job) }
        return CaptureTap(ring: ring.producer, from: facts.startedOn)
    }

    /// After the last call: what is left is written, and then there are no more ``files``.
    func finish() {
        loop.execute {
            self.drain()
            self.fileQueue.finish()
        }
    }

    /// After the last call: writes what is left, and returns when it is written.
    func shutDown() async {
        try? await loop.submit {
            self.state.value.clock?.cancel()
            self.drain()
            self.state.value.jobs.removeAll()
            self.fileQueue.finish()
        }.get()
        try? await group.shutdownGracefully()
    }

    // MARK: The writing thread

    private func begin(_ job: CaptureJob) {
        job.begin()
        state.value.jobs.append(job)
        guard state.value.clock == nil else { return }
        state.value.clock = loop.scheduleRepeatedTask(initialDelay: Self.interval, delay: Self.interval) { _ in
            self.drain()
        }
    }

    private func drain() {
        for job in state.value.jobs { job.drain() }
        state.value.jobs.removeAll(where: \.isOver)
        if state.value.jobs.isEmpty {
            state.value.clock?.cancel()
            state.value.clock = nil
        }
    }
}
