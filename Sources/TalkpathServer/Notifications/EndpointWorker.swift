import Logging
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathStore

/// Delivers the events of one endpoint. Each endpoint has its own worker, so that a slow endpoint delays no other.
///
/// Up to ``width`` deliveries run at once, one of each call: the events of a call are tried in their order. A delivery
/// that hangs holds up only its own call's events. One that fails is tried again later, without holding up the events
/// behind it.
struct EndpointWorker: Sendable {
    let endpointID: String
    let transport: any EndpointTransport
    let store: SQLCallStore
    let bell: Bell
    /// A steady clock: pauses do not change when the machine's clock is set.
    let clock: any CallClock
    let backoff: Backoff
    let logger: Logger
    var health = EndpointHealth()
    /// From 0 to 1. Randomises the pauses.
    var random: @Sendable () -> Double = { .random(in: 0...1) }

    static let width = 32
    /// The longest wait before the store is searched again, because other processes may write to it.
    private static let longestSleep = Duration.seconds(30)

    /// Runs until its task is cancelled, or the endpoint is deleted or stopped.
    func run() async {
        let underWay = CallsUnderWay()
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                do {
                    guard let endpoint = try await store.endpoint(endpointID), endpoint.stopped == nil else { break }
                    let busy = underWay.calls
                    // A task that is cancelled meanwhile would not learn what it has taken, and could not release it.
                    let due = try await Task {
                        try await store.dueDeliveries(
                            to: endpointID,
                            at: clock.wallTime,
                            limit: Self.width - busy.count,
                            exceptOf: busy
                        )
                    }.value
                    for delivery in due {
                        underWay.begin(delivery.event.callID)
                        group.addTask {
                            await self.deliver(delivery)
                            underWay.end(delivery.event.callID)
                            self.bell.ring()
                        }
                    }
                    if due.isEmpty { try await sleep() }
                } catch {
                    guard !Task.isCancelled else { break }
                    if !error.isOfTheStore {
                        logger.error("Deliveries could not be looked up", metadata: ["error": "\(error)"])
                    }
                    await bell.wait(atMost: .seconds(5))
                }
            }
            group.cancelAll()
        }
        await transport.close()
    }

    private func sleep() async throws {
        let now = clock.wallTime
        let next = try await store.nextDelivery(to: endpointID, after: now)
        let pause = next.map { Duration.milliseconds($0.milliseconds - now.milliseconds) }
        await bell.wait(atMost: max(.milliseconds(10), min(pause ?? Self.longestSleep, Self.longestSleep)))
    }

    private func deliver(_ delivery: Delivery) async {
        let outcome = await transport.deliver(delivery.event)
        tell(outcome)
        // The call stays busy until the outcome is stored. Otherwise a delivered event could be sent again at once. Where
        // the server stops meanwhile, the store still writes the outcome, but this task does not wait for it.
        repeat {
            do {
                return try await note(outcome, of: delivery)
            } catch {
                guard !Task.isCancelled else { return }
                if !error.isOfTheStore {
                    logger.error("A delivery could not be noted", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .seconds(2))
            }
        } while !Task.isCancelled
    }

    /// Logs the first failure and the recovery only, so that a receiver that is down causes two lines and not
    /// thousands.
    private func tell(_ outcome: DeliveryOutcome) {
        switch outcome {
        case .delivered:
            guard let since = health.succeeded() else { return }
            logger.notice(
                "Events are delivered again",
                metadata: ["endpoint": "\(endpointID)", "failing_since": "\(since.rfc3339)"]
            )
        case .failed(let reason, _), .refused(let reason):
            // The server is stopping, and has cancelled the delivery. That does not count as an attempt.
            guard !Task.isCancelled, health.failed(reason, at: clock.wallTime) else { return }
            logger.warning(
                "An event could not be delivered. Nothing is lost: deliveries are tried again for some three days",
                metadata: ["endpoint": "\(endpointID)", "reason": "\(reason.asLogged)"]
            )
        case .gone:
            break
        }
    }

    private func note(_ outcome: DeliveryOutcome, of delivery: Delivery) async throws {
        let now = clock.wallTime
        switch outcome {
        case .delivered:
            try await store.finishDelivery(delivery.id)
        case .failed(let reason, let asked):
            // The server is stopping, and has cancelled the delivery. That does not count as an attempt, and another server
            // makes the next one.
            guard !Task.isCancelled else { return try await store.releaseDelivery(delivery.id) }
            guard let pause = backoff.pause(after: delivery.attempts + 1, asked: asked, random: random()) else {
                return try await bury(delivery, reason, at: now)
            }
            let due = WallTime(milliseconds: now.milliseconds + Int64(pause.milliseconds))
            try await store.postponeDelivery(delivery.id, until: due, failure: reason)
        case .refused(let reason):
            try await bury(delivery, reason, at: now)
        case .gone:
            logger.warning("An endpoint is gone and gets no more deliveries", metadata: ["endpoint": "\(endpointID)"])
            try await store.stopEndpoint(endpointID, because: "it answered that it is gone", at: now)
        }
    }

    private func bury(_ delivery: Delivery, _ reason: String, at now: WallTime) async throws {
        logger.warning(
            "An event could not be delivered and is given up; it can be replayed",
            metadata: ["endpoint": "\(endpointID)", "type": "\(delivery.event.type)", "delivery": "\(delivery.id)"]
        )
        try await store.buryDelivery(delivery.id, at: now, failure: reason)
        health.gaveUp()
    }
}

/// The calls with a delivery or hang-up under way. Thread-safe.
final class CallsUnderWay: Sendable {
    private let state = Mutex<Set<CallID>>([])

    var calls: Set<CallID> { state.withLock { $0 } }

    func begin(_ call: CallID) { state.withLock { _ = $0.insert(call) } }

    func end(_ call: CallID) { state.withLock { _ = $0.remove(call) } }
}
