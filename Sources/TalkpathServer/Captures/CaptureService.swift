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

/// Writes the calls' captures from their taps, on one thread for all calls, separate from the thread that carries the
/// calls.
///
/// While there is anything to capture, the thread looks every 40 ms. It writes a call's bytes when there are enough of
/// them, not all calls' at once, because it may share a processor with the calls' thread. A slow, full or missing disk
/// stops captures, never calls.
final class CaptureService: CaptureSink {
    let standard: CapturePolicy
    let recordings: Recordings
    /// Each file once it is complete. Ends after ``finish()``. For one consumer.
    let files: AsyncStream<KeptFile>

    private let fileQueue: AsyncStream<KeptFile>.Continuation
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let loop: any EventLoop
    private let desk: NIOLoopBoundBox<Desk>
    private let instruments: CaptureInstruments
    private let logger: Logger

    /// The state of the writing thread.
    private final class Desk {
        var jobs: [CaptureJob] = []
        var clock: RepeatedTask?
        var block = CaptureBlock()
    }

    private static let interval = TimeAmount.milliseconds(40)

    /// - Parameter standard: for calls and agents that set no capture.
    init(
        recordings: Recordings,
        standard: CapturePolicy,
        instruments: CaptureInstruments = CaptureInstruments(),
        logger: Logger
    ) {
        self.instruments = instruments
        self.recordings = recordings
        self.standard = standard
        self.logger = logger
        (files, fileQueue) = AsyncStream.makeStream()
        // A limit on file sizes must fail the write, as a full disk does, instead of ending the process.
        signal(SIGXFSZ, SIG_IGN)
        loop = group.next()
        desk = NIOLoopBoundBox.makeBoxSendingValue(Desk(), eventLoop: loop)
    }

    /// Creates the folder if it does not exist.
    /// - Returns: the reason why captures cannot be written there; `nil` if they can.
    static func problem(withFolder folder: String) -> String? {
        if mkdir(folder, 0o700) != 0, errno != EEXIST {
            return "cannot be created: \(String(cString: strerror(errno)))"
        }
        guard access(folder, W_OK | X_OK) == 0 else {
            return "cannot be written to: \(String(cString: strerror(errno)))"
        }
        return nil
    }

    /// Called on a call's loop.
    func open(_ facts: CaptureMetadata) -> CaptureTap? {
        let ring = ByteRing(minimumCapacity: CaptureTap.ringCapacity)
        let job = CaptureJob(
            facts,
            reader: CaptureTapReader(ring: ring.consumer),
            recordings: recordings,
            instruments: instruments,
            logger: logger,
            onFile: { [fileQueue] in fileQueue.yield($0) }
        )
        loop.execute { self.begin(job) }
        return CaptureTap(ring: ring.producer, from: facts.startedOn)
    }

    /// Writes the remaining records, then ends ``files``. Call this after the last call.
    func finish() {
        loop.execute {
            self.drain(isLast: true)
            self.fileQueue.finish()
        }
    }

    /// Writes the remaining records, and returns when they are written. Call this after the last call.
    func shutDown() async {
        try? await loop.submit {
            self.desk.value.clock?.cancel()
            self.drain(isLast: true)
            self.desk.value.jobs.removeAll()
            self.fileQueue.finish()
        }.get()
        try? await group.shutdownGracefully()
    }

    // MARK: The writing thread

    private func begin(_ job: CaptureJob) {
        job.begin()
        let desk = desk.value
        desk.jobs.append(job)
        guard desk.clock == nil else { return }
        desk.clock = loop.scheduleRepeatedTask(initialDelay: Self.interval, delay: Self.interval) { _ in
            self.drain()
        }
    }

    /// - Parameter isLast: true if no other round follows.
    private func drain(isLast: Bool = false) {
        let desk = desk.value
        var isAnyOver = false
        for job in desk.jobs where job.isDue() || isLast {
            job.drain(through: &desk.block)
            if job.isOver { isAnyOver = true }
        }
        if isAnyOver { desk.jobs.removeAll(where: \.isOver) }
        if desk.jobs.isEmpty {
            desk.clock?.cancel()
            desk.clock = nil
        }
    }
}
