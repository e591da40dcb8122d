import Dispatch
import Synchronization

/// A fixed number of connections, each with a queue of its own on which it is used. Jobs wait in one line for a free
/// lane.
///
/// Thread-safe; does not block the calling thread, except in `close()`.
final class PostgresLanes: Sendable {
    struct Job: Sendable {
        /// Does the work and reports the result.
        var run: @Sendable (PostgresLane) -> Void
        /// Reports that nothing was done.
        var fail: @Sendable (any Error) -> Void
        var since = ContinuousClock.now
    }

    private struct State {
        var idle: [PostgresLane]
        var line: [Job] = []
        var head = 0
        var isClosed = false

        mutating func next() -> Job? {
            guard head < line.count else { return nil }
            defer {
                head += 1
                if head * 2 > line.count {
                    line.removeFirst(head)
                    head = 0
                }
            }
            return line[head]
        }
    }

    private let lanes: [PostgresLane]
    private let state: Mutex<State>
    /// The longest wait of a job for a lane.
    private let patience: Duration
    /// The most jobs that may wait.
    private static let longestLine = 20_000

    init(_ lanes: [PostgresLane], patience: Duration) {
        self.lanes = lanes
        self.patience = patience
        state = Mutex(State(idle: lanes))
    }

    func submit(_ job: Job) {
        enum Place { case lane(PostgresLane), line, nowhere }
        let place = state.withLock { state -> Place in
            guard !state.isClosed, state.line.count - state.head < Self.longestLine else { return .nowhere }
            if let lane = state.idle.popLast() { return .lane(lane) }
            state.line.append(job)
            return .line
        }
        switch place {
        case .lane(let lane): lane.queue.async { self.work(lane, job) }
        case .line: break
        case .nowhere: job.fail(PostgresError(.unreachable, "the database is too far behind, or closed"))
        }
    }

    private func work(_ lane: PostgresLane, _ first: Job) {
        var next: Job? = first
        while let job = next {
            if .now - job.since > patience {
                job.fail(PostgresError(.timedOut, "the database is too far behind"))
            } else {
                job.run(lane)
            }
            next = state.withLock { state in
                if let job = state.next() { return job }
                state.idle.append(lane)
                return nil
            }
        }
    }

    /// Fails all waiting jobs, because no lane will be free soon.
    func failWaiting(_ error: any Error) {
        while let job = state.withLock({ $0.next() }) { job.fail(error) }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Refuses new jobs, finishes the waiting ones, and closes the connections. Blocks the calling thread.
    func close() {
        state.withLock { $0.isClosed = true }
        for lane in lanes { lane.queue.sync { lane.drop() } }
    }
}

/// One connection, opened when it is first needed and reopened when it was lost.
///
/// `@unchecked Sendable`: everything but the queue is used on the queue only.
final class PostgresLane: @unchecked Sendable {
    let queue: DispatchQueue
    private let address: PostgresAddress
    private let patience: Duration
    private let contact: PostgresContact
    private let prepare: @Sendable (PostgresConnection) throws -> Void
    private var connection: PostgresConnection?
    private var failure: (error: any Error, at: ContinuousClock.Instant)?

    /// The time between two attempts to reach a server that no lane has reached since the first of them.
    private static let pause = Duration.milliseconds(500)

    /// - Parameters:
    ///   - contact: shared by all lanes to one server.
    ///   - prepare: runs on each new connection before it is used.
    init(
        _ name: String,
        _ address: PostgresAddress,
        patience: Duration,
        contact: PostgresContact,
        prepare: @escaping @Sendable (PostgresConnection) throws -> Void
    ) {
        queue = DispatchQueue(label: "talkpath.postgres.\(name)")
        self.address = address
        self.patience = patience
        self.contact = contact
        self.prepare = prepare
    }

    /// - Throws: `PostgresError`, or the error of `prepare`.
    func connected() throws -> PostgresConnection {
        if let connection { return connection }
        if let failure, .now - failure.at < Self.pause, !contact.isMade(since: failure.at) { throw failure.error }
        do {
            let new = try PostgresConnection(address, patience: patience)
            try prepare(new)
            connection = new
            failure = nil
            contact.make()
            return new
        } catch {
            failure = (error, .now)
            throw error
        }
    }

    func drop() {
        connection?.close()
        connection = nil
    }
}

/// The time at which one of several lanes last reached their server. A lane that failed before tries again at once:
/// otherwise a read that has found the server back would be followed by one that still fails.
final class PostgresContact: Sendable {
    private let lastMade = Mutex<ContinuousClock.Instant?>(nil)

    func make() { lastMade.withLock { $0 = .now } }

    func isMade(since instant: ContinuousClock.Instant) -> Bool {
        guard let last = lastMade.withLock({ $0 }) else { return false }
        return last > instant
    }
}
