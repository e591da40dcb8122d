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
/// A container's log driver, a pager or a full disk may stop reading. A `write` then blocks, and with it the thread
/// that logs, which may carry all calls. So lines are passed on without a lock and without a blocking system call. When
/// ``capacity`` bytes are waiting, further lines are dropped and counted. When the reader continues, a line tells how
/// many are missing.
package final class LogWriter: Sendable {
    /// Standard error, for all log handlers of the process.
    package static let standardError = LogWriter(descriptor: STDERR_FILENO)
    /// The usual limit of waiting bytes: some thousands of lines.
    package static let usualCapacity = 1 << 20

    /// A waiting line, as an element of a linked list. The thread that takes the list's head owns the list.
    private final class Line {
        let bytes: [UInt8]
        /// The address of the line before it; 0 for none.
        var earlier: UInt = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        var cost: Int { bytes.count + Line.overhead }
        private static let overhead = 64
    }

    /// The semaphore and its memory. Unchecked: POSIX semaphores may be used from any thread, and the memory lives as
    /// long as the writer.
    private struct Alarm: @unchecked Sendable {
        private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

        init() { sem_init(semaphore, 0, 0) }

        /// Does not block.
        func ring() { sem_post(semaphore) }
        func wait() { while sem_wait(semaphore) != 0 && errno == EINTR {} }
    }

    private let descriptor: Int32
    private let capacity: Int
    /// The address of the newest line that the thread has not fetched; 0 for none.
    private let newest = Atomic<UInt>(0)
    private let alarm = Alarm()
    /// The bytes of lines that were accepted and not yet written.
    private let waiting = Atomic<Int>(0)
    private let droppedInAll = Atomic<Int>(0)
    private let droppedUntold = Atomic<Int>(0)
    /// Makes the line that reports dropped lines. Locked by the writing thread, and when the format is set.
    private let reportOfDropped = Mutex<@Sendable (Int) -> [UInt8]>(LogWriter.plainReport)

    /// - Parameters:
    ///   - descriptor: must stay open until the process ends, because the thread runs until then.
    ///   - capacity: the most waiting bytes. Lines beyond it are dropped.
    package init(descriptor: Int32, capacity: Int = LogWriter.usualCapacity) {
        self.descriptor = descriptor
        self.capacity = capacity
        startThread()
    }

    /// The number of lines that were dropped since the process began.
    package var dropped: Int { droppedInAll.load(ordering: .relaxed) }

    /// Sets the form of the line that reports dropped lines.
    package func setReport(_ make: @escaping @Sendable (_ dropped: Int) -> [UInt8]) {
        reportOfDropped.withLock { $0 = make }
    }

    /// Takes a complete line with its end. May be called from any thread. Does not block and takes no lock.
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
            // Release order: the thread that fetches the list sees the lines as they are here.
            let (done, original) = newest.compareExchange(
                expected: known,
                desired: address,
                successOrdering: .releasing,
                failureOrdering: .relaxed
            )
            if done { break }
            known = original
        }
        // If other lines were waiting, the thread has been woken already.
        if known == 0 { alarm.ring() }
    }

    /// Waits until all lines are written, at most that many milliseconds. Blocks; for the end of the process only.
    package func flush(withinMilliseconds bound: Int) {
        for _ in 0..<max(1, bound / 2) {
            guard waiting.load(ordering: .relaxed) > 0 else { return }
            usleep(2000)
        }
    }

    // MARK: The writing thread

    private func startThread() {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        // The thread retains the writer for ever. If no thread can be created, lines fill the capacity, and further
        // ones count as dropped.
        let context = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &thread,
            &attributes,
            { Unmanaged<LogWriter>.fromOpaque($0!).takeRetainedValue().run() },
            context
        )
    }

    private func run() -> Never {
        // Ignore SIGPIPE: a closed reader is an error of `write` here, not the end of the process.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        while true {
            alarm.wait()
            // Acquire order: see `write`. The list begins with the newest line, which is written last.
            var next = newest.exchange(0, ordering: .acquiring)
            var lines: [Line] = []
            while let address = UnsafeRawPointer(bitPattern: next) {
                // `write` retained the line for this.
                let line = Unmanaged<Line>.fromOpaque(address).takeRetainedValue()
                next = line.earlier
                lines.append(line)
            }
            for line in lines.reversed() {
                send(line.bytes)
                waiting.subtract(line.cost, ordering: .relaxed)
            }
            // Lines are dropped while earlier ones wait. Those have been written now, so the reader is reading again.
            let missing = droppedUntold.exchange(0, ordering: .relaxed)
            if missing > 0 { send(reportOfDropped.withLock { $0 }(missing)) }
        }
    }

    /// Writes a line, however long it takes. Drops a line that cannot be written, because the reader is closed or the
    /// disk is full.
    private func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress! + sent, $0.count - sent) }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                // Another process has made the descriptor non-blocking.
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

/// Inside the writer, `write` means its own method.
private let systemWrite: @Sendable (Int32, UnsafeRawPointer, Int) -> Int = { write($0, $1, $2) }
