internal import Synchronization
internal import TalkpathAudio

/// The events of one or more simulators, in the order in which they were reported.
///
/// Thread-safe. Several simulators may share a timeline, which then shows a call from all sides.
///
/// ```swift
/// let speech = try await timeline.waitFor { $0.kind == .agentHeard }
/// ```
public final class SimulatorTimeline: Sendable {
    private struct Waiter {
        var predicate: @Sendable (SimulatorEvent) -> Bool
        var continuation: CheckedContinuation<SimulatorEvent, any Error>
    }

    private struct State {
        var events: [SimulatorEvent] = []
        var dropped = 0
        var nextID = 0
        var waiters: [Int: Waiter] = [:]
        var cancelled: Set<Int> = []
        var observers: [Int: AsyncStream<SimulatorEvent>.Continuation] = [:]
    }

    private let state = Mutex(State())
    private let limit: Int
    private let handler: (@Sendable (SimulatorEvent) -> Void)?

    /// - Parameters:
    ///   - limit: the number of events kept. When there are more, the oldest half is dropped.
    ///   - handler: called for every event on the thread where it happened. Must not block.
    public init(limit: Int = 100_000, handler: (@Sendable (SimulatorEvent) -> Void)? = nil) {
        self.limit = max(2, limit)
        self.handler = handler
    }

    /// The kept events, oldest first.
    public var events: [SimulatorEvent] { state.withLock { $0.events } }

    /// The number of events so far. Pass it to ``waitFor(after:within:_:)`` to wait for a newer event.
    public var count: Int { state.withLock { $0.dropped + $0.events.count } }

    /// Every event from now on, until the consumer stops.
    public func stream() -> AsyncStream<SimulatorEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: SimulatorEvent.self)
        let id = state.withLock { state in
            state.nextID += 1
            state.observers[state.nextID] = continuation
            return state.nextID
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                _ = state.observers.removeValue(forKey: id)
            }
        }
        return stream
    }

    /// Returns the first event that matches: an earlier one, or the next to come.
    ///
    /// - Parameters:
    ///   - position: the number of events to skip, as a value of ``count``.
    ///   - limit: the longest wait, in real time.
    /// - Throws: `SimulatorTimeout` if the event does not come, `CancellationError` if the task is cancelled.
    @discardableResult
    public func waitFor(
        after position: Int = 0,
        within limit: Duration = .seconds(20),
        _ predicate: @escaping @Sendable (SimulatorEvent) -> Bool
    ) async throws -> SimulatorEvent {
        try await withThrowingTaskGroup(of: SimulatorEvent.self) { group in
            group.addTask { try await self.first(after: position, predicate) }
            group.addTask {
                try await Task.sleep(for: limit)
                throw SimulatorTimeout(waited: limit, last: self.events.suffix(8).map { "\($0.source): \($0.kind)" })
            }
            defer { group.cancelAll() }
            guard let event = try await group.next() else { throw CancellationError() }
            return event
        }
    }

    func publish(_ event: SimulatorEvent) {
        let (waiters, observers) = state.withLock { state in
            state.events.append(event)
            if state.events.count > limit {
                state.dropped += limit / 2
                state.events.removeFirst(limit / 2)
            }
            let due = state.waiters.filter { $0.value.predicate(event) }
            for id in due.keys { state.waiters[id] = nil }
            return (due.values.map(\.continuation), Array(state.observers.values))
        }
        for waiter in waiters { waiter.resume(returning: event) }
        for observer in observers { observer.yield(event) }
        handler?(event)
    }

    private func first(
        after position: Int,
        _ predicate: @escaping @Sendable (SimulatorEvent) -> Bool
    ) async throws -> SimulatorEvent {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<SimulatorEvent, any Error>? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    let skipped = max(0, position - state.dropped)
                    if let event = state.events.dropFirst(skipped).first(where: predicate) { return .success(event) }
                    state.waiters[id] = Waiter(predicate: predicate, continuation: continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiters.removeValue(forKey: id)
                if waiter == nil { state.cancelled.insert(id) }
                return waiter
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }
}

/// The awaited event did not come in time.
public struct SimulatorTimeout: Error, CustomStringConvertible {
    public var waited: Duration
    /// The last events before the timeout.
    public var last: [String]

    public var description: String {
        "nothing of the kind happened within \(waited); the last events were:\n  " + last.joined(separator: "\n  ")
    }
}
