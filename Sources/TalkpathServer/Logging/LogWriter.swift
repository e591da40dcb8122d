import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Writes log lines to a descriptor from a thread of its own, so that logging never waits for the log's reader.
///
/// A container's log driver, a pager or a full disk may stop reading: a `write` then waits for as long as they please,
/// and with it the thread that logs, which may carry all calls. So a line is handed over without a lock and without a
/// system call that can wait. When ``capacity`` bytes are waiting, further lines are dropped and counted, and as soon as
/// the reader goes on it is told how many are missing.
package final class LogWriter: Sendable {
    /// Standard error, for all log handlers of the process.
    package static let standardError = LogWriter(descriptor: STDERR_FILENO)
    /// Bytes that may wait, some thousands of lines.
    package static let usualCapacity = 1 << 20

    /// A line that waits, as one of a chain. Handed over as a whole: who has the chain's head has the chain.
    private final class Line {
        let bytes: [UInt8]
        /// The address of the one that was handed over before, 0 for none.
        var earlier: UInt = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        var cost: Int { bytes.count + Line.overhead }
        private static let overhead = 64
    }

    /// The semaphore and its memory. Unchecked: POSIX semaphores may be used from any thread, and the memory lives as long
    /// as the writer.
    private struct Alarm: @unchecked Sendable {
        private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

        init() { sem_init(semaphore, 0, 0) }

        /// Never waits.
        func ring() { sem_post(semaphore) }
        func wait() { while sem_wait(semaphore) != 0 && errno == EINTR {} }
    }

    private let descriptor: Int32
    private let capacity: Int
    /// The address of the newest of the lines that the thread has not fetched, 0 for none.
    private let newest = Atomic<UInt>(0)
    private let alarm = Alarm()
    /// Bytes that were accepted and are not written.
    private let waiting = Atomic<Int>(0)
    private let droppedInAll = Atomic<Int>(0)
    private let droppedUntold = Atomic<Int>(0)
    /// Makes the line that tells how many were dropped. Taken by the writing thread, and when the format is set.
    private let reportOfDropped = Mutex<@Sendable (Int) -> [UInt8]>(LogWriter.plainReport)

    /// - Parameters:
    ///   - descriptor: stays open for as long as the process lives, as the thread does.
    ///   - capacity: bytes that may wait; what does not fit is dropped.
    package init(descriptor: Int32, capacity: Int = LogWriter.usualCapacity) {
        self.descriptor = descriptor
        self.capacity = capacity
        startThread()
    }

    /// Lines that were dropped since the process began.
    package var dropped: Int { droppedInAll.load(ordering: .relaxed) }

    /// The form of lines that tell of dropped ones.
    package func setReport(_ make: @escaping @Sendable (_ dropped: Int) -> [UInt8]) {
        reportOfDropped.withLock { $0 = make }
    }

    /// Takes a whole line, its end included. From any thread; never waits, takes no lock.
    package func write(_ bytes: [UInt8]) {
        let line = Line(bytes)
        let before = waiting.add(line.cost, ordering: .relaxed).oldValue
        guard before + line.cost <= capacity else {
            waiting.subtract(line.cost, ordering: .relaxed)
            droppedInAll.add(1, ordering: .relaxed)
            droppedUntold.add(1, ordering: .relaxed)
            return
        }
        let address = UInt(bitPattern: Unmanaged.passRetained(line).toOpaque())
        var known = newest.load(ordering: .relaxed)
        while true {
            line.earlier = known
            // Releasing: the thread that fetches the chain sees the lines as they are here.
            let (done, original) = newest.compareExchange(
                expected: known,
                desired: address,
                successOrdering: .releasing,
                failureOrdering: .relaxed
            )
            if done { break }
            known = original
        }
        // Where others are waiting already, the thread has been rung for.
        if known == 0 { alarm.ring() }
    }

    /// Waits until all lines are written, at most for so many milliseconds. For the end of the process only: it blocks.
    package func flush(withinMilliseconds bound: Int) {
        for _ in 0..<max(1, bound / 2) {
            guard waiting.load(ordering: .relaxed) > 0 else { return }
            usleep(2000)
        }
    }

    // MARK: The thread

    private func startThread() {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        // The thread keeps the writer, for ever. If there can be no thread, lines are counted as dropped in the end.
        let context = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &thread,
            &attributes,
            { Unmanaged<LogWriter>.fromOpaque($0!).takeRetainedValue().run() },
            context
        )
    }

    private func run() -> Never {
        // A reader that has gone is an error of `write` here, not the end of the process.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        while true {
            alarm.wait()
            // Acquiring: see `write`. The newest comes first; it is the last to be written.
            var next = newest.exchange(0, ordering: .acquiring)
            var lines: [Line] = []
            while let address = UnsafeRawPointer(bitPattern: next) {
                // Retained by `write` for this moment.
                let line = Unmanaged<Line>.fromOpaque(address).takeRetainedValue()
                next = line.earlier
                lines.append(line)
            }
            for line in lines.reversed() {
                send(line.bytes)
                waiting.subtract(line.cost, ordering: .relaxed)
            }
            // Lines are dropped while earlier ones wait: once those are written, the reader is reading again.
            let missing = droppedUntold.exchange(0, ordering: .relaxed)
            if missing > 0 { send(reportOfDropped.withLock { $0 }(missing)) }
        }
    }

    /// Waits as long as it takes. A line that cannot be written (nobody will read, a disk is full) is dropped.
    private func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress! + sent, $0.count - sent) }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                // Another process has made the descriptor one that does not wait.
                var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&request, 1, -1)
            } else if errno != EINTR {
                droppedInAll.add(1, ordering: .relaxed)
                return
            }
        }
    }

    private static let plainReport: @Sendable (Int) -> [UInt8] = { Array("\($0) log lines were dropped\n".utf8) }
}

/// Within the writer, `write` is its own.
private let systemWrite: @Sendable (Int32, UnsafeRawPointer, Int) -> Int = { write($0, $1, $2) }
