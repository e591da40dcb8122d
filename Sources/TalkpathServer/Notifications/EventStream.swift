import Hummingbird
import NIOCore
import ServiceLifecycle
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// A call's events as Server-Sent Events, from a given event on. Ends some time after the call.
///
/// Every event is read from the store, and its number there is its `id`. A client that reconnects with its last `id`
/// gets every later event exactly once.
struct EventStream: Sendable {
    let call: CallID
    let after: Int64
    let store: SQLCallStore
    let bells: EventBells
    /// The interval of comments, which show proxies and clients that the stream is alive. No empty line follows them,
    /// because some clients would take that for another event.
    var heartbeat = Duration.seconds(15)
    /// The wait after the call's end for its analysis.
    var afterlife = Duration.seconds(30)
    /// The wait after the analysis for the recording, which may be complete only then. Counts from the call's end.
    var linger = Duration.seconds(3)

    func write(to writer: inout any ResponseBodyWriter) async throws {
        let bell = Bell()
        let number = bells.add(bell, call: call)
        defer { bells.remove(number) }
        var progress = Progress(last: after)
        if let known = try await store.find(call), known.endedAt != nil {
            progress.isAnalysed = known.analysis != nil
            progress.endedAt = progress.isAnalysed ? .now - linger : .now
        }
        var hasWritten = false
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            let events = try await store.events(of: call, after: progress.last)
            if !events.isEmpty {
                var buffer = ByteBuffer()
                for event in events { progress.take(event, into: &buffer) }
                try await writer.write(buffer)
                hasWritten = true
                continue
            }
            // The head of the answer leaves with the first bytes. Send some at once, so that the client sees that the
            // stream is open.
            if !hasWritten { try await writer.write(ByteBuffer(string: ": alive\n")) }
            hasWritten = true
            var pause = heartbeat
            if let endedAt = progress.endedAt {
                guard !progress.isAnalysed || !progress.isRecorded else { return }
                let left = (progress.isAnalysed ? linger : afterlife) - (.now - endedAt)
                guard left > .zero else { return }
                pause = min(left, .seconds(1))
            }
            let isQuiet = await wait(for: bell, pause)
            if isQuiet { try await writer.write(ByteBuffer(string: ": alive\n")) }
        }
    }

    private struct Progress {
        var last: Int64
        var isBegun = false
        var endedAt: ContinuousClock.Instant?
        var isAnalysed = false
        var isRecorded = false

        mutating func take(_ event: OutboxEvent, into buffer: inout ByteBuffer) {
            let number = event.number ?? last
            last = max(last, number)
            switch EventType(rawValue: event.type) {
            case .ended: endedAt = .now
            case .analyzed: isAnalysed = true
            case .recording: isRecorded = true
            default: break
            }
            // JSON escapes line ends, so the data are one line.
            buffer.writeString("id: \(number)\nevent: \(event.type)\n")
            // Clients that lose the stream should reconnect soon. Sent alone, this field would be an event without
            // data, which some clients do not accept.
            if !isBegun { buffer.writeString("retry: 1000\n") }
            isBegun = true
            buffer.writeString("data: ")
            buffer.writeBytes(event.json.serialized())
            buffer.writeString("\n\n")
        }
    }

    /// - Returns: true if nothing came in that time.
    private func wait(for bell: Bell, _ time: Duration) async -> Bool {
        let start = ContinuousClock.now
        await withGracefulShutdownHandler {
            await bell.wait(atMost: time)
        } onGracefulShutdown: {
            bell.ring()
        }
        return .now - start >= time
    }
}
