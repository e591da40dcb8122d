import Hummingbird
import Logging
import NIOCore
import Synchronization

@testable import TalkpathServer

/// A server that records the client's port of each request, and answers with the request's path.
final class PortKeeper: Sendable {
    private struct Context: RequestContext {
        var coreContext: CoreRequestContextStorage
        let port: Int?

        init(source: ApplicationRequestContextSource) {
            coreContext = CoreRequestContextStorage(source: source)
            port = source.channel.remoteAddress?.port
        }
    }

    private let kept = Mutex<[Int]>([])
    private let bound = Mutex(0)

    var port: Int { bound.withLock { $0 } }
    /// One port for each request, in their order.
    var ports: [Int] { kept.withLock { $0 } }

    static func run<Result: Sendable>(_ body: (PortKeeper) async throws -> Result) async throws -> Result {
        let keeper = PortKeeper()
        let (starts, started) = AsyncStream.makeStream(of: Int.self)
        let app = Application(
            responder: CallbackResponder<Context> { request, context in
                _ = try await request.body.collect(upTo: 1 << 20)
                keeper.kept.withLock { $0.append(context.port ?? 0) }
                return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: request.uri.path)))
            },
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { started.yield($0.localAddress?.port ?? 0) },
            logger: TestServer.silent
        )
        let running = Task {
            defer { started.finish() }
            try await app.run()
        }
        let port = await starts.first { _ in true } ?? 0
        keeper.bound.withLock { $0 = port }
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(keeper))
        } catch {
            result = .failure(error)
        }
        running.cancel()
        _ = await running.result
        return try result.get()
    }
}
