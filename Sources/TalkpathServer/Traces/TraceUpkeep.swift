import ServiceLifecycle

/// Makes spans of calls' events, beside the calls, until the last call has ended.
struct TraceUpkeep: Service {
    let traces: CallTraces

    func run() async throws {
        await cancelWhenGracefulShutdown { await traces.run() }
        traces.drain()
    }
}
