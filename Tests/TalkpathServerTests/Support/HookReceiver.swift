import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization
import TalkpathWire

/// A receiver of webhooks on loopback.
final class HookReceiver: Sendable {
    struct Hook: Sendable {
        var headers: [String: String]
        var body: String
        var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
    }

    private struct State {
        var hooks: [Hook] = []
        var status = HTTPResponse.Status.ok
        var waiter: CheckedContinuation<Void, Never>?
    }

    let port: Int
    private let state = Mutex(State())

    private init(port: Int) { self.port = port }

    var url: String { "http://127.0.0.1:\(port)/hook" }
    var hooks: [Hook] { state.withLock { $0.hooks } }

    func answer(with status: HTTPResponse.Status) { state.withLock { $0.status = status } }

    /// Returns once that many requests have come.
    func wait(for count: Int) async -> [Hook] {
        while hooks.count < count {
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    if state.hooks.count < count { state.waiter = continuation }
                    return state.hooks.count >= count
                }
                if isThere { continuation.resume() }
            }
        }
        return hooks
    }

    private func take(_ hook: Hook) -> HTTPResponse.Status {
        let (status, waiter) = state.withLock { state in
            state.hooks.append(hook)
            defer { state.waiter = nil }
            return (state.status, state.waiter)
        }
        waiter?.resume()
        return status
    }

    static func run(_ body: @escaping @Sendable (HookReceiver) async throws -> Void) async throws {
        let (ports, bound) = AsyncStream<Int>.makeStream()
        let receivers = Mutex<HookReceiver?>(nil)
        let router = Router()
        router.post("hook") { request, _ in
            let bytes = try await request.body.collect(upTo: 1 << 20)
            var headers = ["host": request.head.authority ?? ""]
            for field in request.headers { headers[field.name.rawName.lowercased()] = field.value }
            let hook = Hook(headers: headers, body: String(buffer: bytes))
            return receivers.withLock { $0 }?.take(hook) ?? .internalServerError
        }
        let app = Application(
            router: router,
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in bound.yield(channel.localAddress?.port ?? 0) },
            logger: Logger(label: "hooks") { _ in SwiftLogNoOpLogHandler() }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await app.run() }
            let port = await ports.first { _ in true } ?? 0
            let receiver = HookReceiver(port: port)
            receivers.withLock { $0 = receiver }
            defer { group.cancelAll() }
            try await body(receiver)
        }
    }
}
