import TalkpathNIO
import TalkpathStore
import ServiceLifecycle
import Hummingbird
import NIOCore
import TalkpathCore
import TalkpathWire

/// A message of a stream of Server-Sent Events.
private func message(_ name: String, _ json: JSONValue) -> ByteBuffer {
    var buffer = ByteBuffer(string: "event: \(name)\ndata: ")
    // JSON escapes line ends, so this is one line.
    buffer.writeBytes(json.serialized())
    buffer.writeString("\n\n")
    return buffer
}

/// One watched call: the complete call first, then each moment, each turn as its words arrive, and the current activity
/// whenever it changes.
///
/// Every connection begins with the complete call, so that a client that reconnects has missed nothing.
struct CallActivityStream: Sendable {
    let call: CallID
    let state: ServerState
    /// The interval at which the stream checks who speaks.
    var beat = Duration.milliseconds(250)
    var heartbeat = Duration.seconds(15)

    func write(to writer: inout any ResponseBodyWriter) async throws {
        let bell = Bell()
        let watcher = state.activity.watch(call, waking: bell)
        defer { state.activity.forget(watcher) }
        guard let known = try await state.manager.find(call) else { return }
        try await writer.write(message("call", known.json))
        var last = 0
        var watch: CallWatch?
        var turns = Dictionary(known.transcript.map { ($0.number, $0) }, uniquingKeysWith: { $1 })
        var hasEnded = false
        var quietSince = ContinuousClock.now
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            var buffer = ByteBuffer()
            for moment in state.activity.moments(of: call, after: last) {
                last = moment.number
                if case .ended = moment.event.kind { hasEnded = true }
                var text = message("moment", moment.event.momentJSON)
                buffer.writeBuffer(&text)
            }
            let session = hasEnded ? nil : await state.manager.session(call)
            let now = await session?.watch()
            // Includes turns that are still being spoken.
            for turn in await session?.snapshot().transcript ?? [] where turns[turn.number] != turn {
                turns[turn.number] = turn
                var text = message("turn", turn.json)
                buffer.writeBuffer(&text)
            }
            if let now, now != watch {
                var text = message("now", now.json)
                buffer.writeBuffer(&text)
                watch = now
            }
            if buffer.readableBytes == 0, .now - quietSince > heartbeat { buffer.writeString(": alive\n") }
            if buffer.readableBytes > 0 {
                quietSince = .now
                try await writer.write(buffer)
            }
            guard session != nil else { break }
            await bell.wait(orAtShutdown: beat)
        }
        guard !Task.isShuttingDownGracefully else { return }
        if let ended = try await state.manager.find(call) { try await writer.write(message("call", ended.json)) }
        // Tells the client not to reconnect.
        try await writer.write(message("end", [:]))
    }
}

/// A tenant's watched live calls: all of them first, then each one that changes or ends.
struct CallListStream: Sendable {
    let tenant: String
    let state: ServerState
    /// The interval at which the stream checks, while a side speaks, whether it still does.
    var beat = Duration.milliseconds(400)
    /// Changes within this time are sent together.
    var pause = Duration.milliseconds(100)
    var heartbeat = Duration.seconds(15)
    /// The interval at which the stream asks the store for the calls of other nodes, whose changes ring no bell here.
    var survey = Duration.seconds(5)

    func calls() async -> [WatchedCall] {
        var calls: [WatchedCall] = []
        for call in await state.liveCalls(tenant: tenant) {
            calls.append(WatchedCall(call: call, watch: await state.manager.session(call.id)?.watch() ?? CallWatch()))
        }
        return calls
    }

    func write(to writer: inout any ResponseBodyWriter) async throws {
        let bell = Bell()
        let watcher = state.activity.watch(waking: bell)
        defer { state.activity.forget(watcher) }
        let first = await calls()
        var known: [CallID: WatchedCall] = [:]
        for watched in first { known[watched.call.id] = watched }
        try await writer.write(message("calls", ["calls": .array(first.map(\.json))]))
        var (surveyed, quietSince) = (ContinuousClock.now, ContinuousClock.now)
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            let isLively = known.values.contains { $0.watch.callerSpeaks || $0.watch.agentIsHeard }
            await bell.wait(orAtShutdown: isLively ? beat : state.nodes == nil ? heartbeat : min(survey, heartbeat))
            try await Task.sleep(for: pause)
            var touched = state.activity.touched(by: watcher)
            for (id, watched) in known where watched.watch.callerSpeaks || watched.watch.agentIsHeard {
                touched.insert(id)
            }
            var buffer = ByteBuffer()
            for id in touched { try await look(at: id, &known, &buffer) }
            if state.nodes != nil, .now - surveyed >= survey {
                surveyed = .now
                try await lookElsewhere(&known, &buffer)
            }
            if buffer.readableBytes == 0, .now - quietSince >= heartbeat { buffer.writeString(": alive\n") }
            if buffer.readableBytes > 0 {
                quietSince = .now
                try await writer.write(buffer)
            }
        }
    }

    /// Brings the calls of other nodes up to date. While the store does not answer, they stay as they were.
    private func lookElsewhere(_ known: inout [CallID: WatchedCall], _ buffer: inout ByteBuffer) async throws {
        guard let elsewhere = try? await state.callsElsewhere(tenant: tenant) else { return }
        for call in elsewhere where await state.manager.session(call.id) == nil {
            let watched = WatchedCall(call: call, watch: CallWatch())
            guard known.updateValue(watched, forKey: call.id) != watched else { continue }
            var text = message("call", watched.json)
            buffer.writeBuffer(&text)
        }
        let live = Set(elsewhere.map(\.id))
        for id in known.keys where !live.contains(id) { try await look(at: id, &known, &buffer) }
    }

    private func look(at id: CallID, _ known: inout [CallID: WatchedCall], _ buffer: inout ByteBuffer) async throws {
        var text: ByteBuffer
        if let session = await state.manager.session(id), case let call = await session.snapshot(), call.receipt == nil
        {
            guard call.tenant == tenant else { return }
            let watched = WatchedCall(call: call, watch: await session.watch())
            guard known[id] != watched else { return }
            known[id] = watched
            text = message("call", watched.json)
        } else {
            // A call may begin and end between two looks.
            guard let call = try await state.manager.find(id), call.tenant == tenant, call.receipt != nil else {
                return
            }
            known[id] = nil
            text = message("ended", call.listJSON)
        }
        buffer.writeBuffer(&text)
    }
}

extension Bell {
    /// Returns at the next ring, after this long, or when the server begins to stop.
    func wait(orAtShutdown longest: Duration) async {
        await withGracefulShutdownHandler {
            await wait(atMost: longest)
        } onGracefulShutdown: {
            self.ring()
        }
    }
}
