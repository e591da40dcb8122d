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
/// The thread looks every 40 ms as long as there is anything to capture, and writes what a call has left when it is worth
/// it: not all calls' at once, for the thread may share a processor with the one that carries them. A disk that is slow,
/// full or gone stops captures, never calls.
final class CaptureService: CaptureSink {
    let standard: CaptureWish
    let recordings: Recordings
    /// Each file when it is whole; ends after ``finish()``. For one reader.
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

    /// - Parameter standard: for calls and agents that have no wish of their own.
    init(
        recordings: Recordings,
        standard: CaptureWish,
        instruments: CaptureInstruments = CaptureInstruments(),
        logger: Logger
    ) {
        self.instruments = instruments
        self.recordings = recordings
        self.standard = standard
        self.logger = logger
        (files, fileQueue) = AsyncStream.makeStream()
        // A limit to the size of files must fail the write, as a full disk does, and not end the process.
        signal(SIGXFSZ, SIG_IGN)
        loop = group.next()
        desk = NIOLoopBoundBox.makeBoxSendingValue(Desk(), eventLoop: loop)
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
            instruments: instruments,
            logger: logger,
            onFile: { [fileQueue] in fileQueue.yield($0) }
        )
        loop.execute { self.begin(job) }
        return CaptureTap(ring: ring.producer, from: facts.startedOn)
    }

    /// After the last call: what is left is written, and then there are no more ``files``.
    func finish() {
        loop.execute {
            self.drain(isLast: true)
            self.fileQueue.finish()
        }
    }

    /// After the last call: writes what is left, and returns when it is written.
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

    /// - Parameter isLast: there will be no other round.
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
