import NIOCore
import TalkpathNIO
import TalkpathWire

/// A message from a probe's socket.
enum ProbeMessage: Sendable {
    case event(JSONValue)
    case closed(String)
}

/// Passes the socket's messages on to a stream.
final class ProbeConsumer: WebSocketConsumer {
    private let queue: AsyncStream<ProbeMessage>.Continuation

    init(queue: AsyncStream<ProbeMessage>.Continuation) {
        self.queue = queue
    }

    func opened(_ connection: WebSocketConnection) {}

    func received(_ message: RawSpan, isText: Bool) {
        guard let event = try? JSONValue(parsing: message) else { return }
        queue.yield(.event(event))
    }

    func closed(_ close: WebSocketClose) {
        queue.yield(.closed("\(close.code)"))
        queue.finish()
    }
}

/// A conversation with an endpoint, question by question.
actor ProbeTalk {
    private let connection: WebSocketConnection
    private let patience: Duration
    private var waiting: [JSONValue] = []
    private var isClosed = false
    private var waiter: CheckedContinuation<Void, Never>?
    private var sent = 0

    init(connection: WebSocketConnection, messages: AsyncStream<ProbeMessage>, patience: Duration) {
        self.connection = connection
        self.patience = patience
        Task { await self.begin(messages) }
    }

    private func begin(_ messages: AsyncStream<ProbeMessage>) async {
        for await message in messages {
            switch message {
            case .event(let event): waiting.append(event)
            case .closed: isClosed = true
            }
            wake()
        }
    }

    private func wake() {
        waiter?.resume()
        waiter = nil
    }

    /// - Returns: the name that the event was given.
    func send(_ event: JSONValue) async -> String {
        sent += 1
        let id = "check-\(sent)"
        var event = event
        event.set("event_id", .string(id))
        let bytes = event.serialized()
        let connection = connection
        _ = try? await connection.eventLoop.submit {
            _ = connection.write(bytes.span.bytes)
            connection.flush()
        }.get()
        return id
    }

    /// Returns the next event that `isWanted` accepts, and drops those before it. `nil` if it does not come in time.
    func next(_ isWanted: @Sendable (JSONValue) -> Bool) async -> JSONValue? {
        let clock = ContinuousClock()
        let latest = clock.now + patience
        while true {
            while !waiting.isEmpty {
                let event = waiting.removeFirst()
                if isWanted(event) { return event }
            }
            guard !isClosed, clock.now < latest else { return nil }
            let alarm = Task {
                try? await Task.sleep(until: latest, clock: clock)
                self.wake()
            }
            await withCheckedContinuation { waiter = $0 }
            alarm.cancel()
        }
    }

    func end() async {
        await connection.close()
    }
}
