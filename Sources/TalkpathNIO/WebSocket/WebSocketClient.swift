package import NIOCore
import NIOHTTP1
package import NIOPosix
package import NIOSSL
import TalkpathAudio

/// Opens WebSockets to servers.
package enum WebSocketClient {
    /// Connects, does TLS and the opening handshake, and returns when messages may flow.
    ///
    /// Offers no compression. Treats redirects as errors. The consumer lives on `eventLoop`; its `opened` call, and
    /// messages that came with the server's answer, may precede the return of this call.
    ///
    /// - Parameters:
    ///   - url: `ws://` or `wss://`; path and query are sent as written.
    ///   - headers: sent besides the handshake's own headers, which cannot be replaced.
    ///   - tls: the context for `wss`; `nil` means `WebSocketTLS.system`.
    ///   - resolver: resolves the host's name; `nil` asks the system.
    ///   - judged: the only addresses to connect to, also through a proxy; `nil` resolves the name.
    ///   - proxy: the proxy settings; with a proxy, the proxy resolves the name.
    ///   - timeout: for everything together: name, connection, TLS, handshake.
    ///   - makeConsumer: called once, on `eventLoop`, when the handshake has succeeded.
    /// - Throws: also if the calling task is cancelled; no connection is left open then.
    package static func connect<Consumer: WebSocketConsumer>(
        url: String,
        headers: [(String, String)] = [],
        eventLoop: any EventLoop,
        tls: NIOSSLContext? = nil,
        resolver: (any Resolver & Sendable)? = nil,
        judged: [SocketAddress]? = nil,
        proxy: OutboundProxy = .environment,
        timeout: Duration = .seconds(10),
        limits: WebSocketLimits = .agent,
        makeConsumer: @escaping @Sendable () -> Consumer
    ) async throws(WebSocketClientError) -> WebSocketConnection {
        let address = try WebSocketURL(url)
        let request = try WebSocketClientRequest(address, headers: headers)
        let context = address.isSecure ? try tlsContext(tls) : nil
        let attempt = WebSocketClientAttempt(eventLoop: eventLoop, timeout: timeout)

        let way = address.isSecure ? proxy.server(for: address.host, port: address.port) : nil
        let speak: @Sendable (any Channel) throws -> Void = { channel in
            if let context { try addTLS(context, host: address.host, to: channel) }
            try WebSocketClientHandshake.configure(channel, request: request, attempt: attempt) {
                WebSocketHandler(consumer: makeConsumer(), role: .client, limits: limits)
            }
        }
        var bootstrap = ClientBootstrap(group: eventLoop)
            .resolver(
                way == nil ? judged.map { CheckedAddresses(addresses: $0, eventLoop: eventLoop) } ?? resolver : nil
            )
            .connectTimeout(TimeAmount(timeout))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let way else { return try speak(channel) }
                    let tunnel = ProxyTunnel(
                        to: judged?.first?.ipAddress ?? address.host,
                        port: address.port,
                        through: way,
                        attempt: attempt,
                        opened: speak
                    )
                    try channel.pipeline.syncOperations.addHandler(tunnel)
                }
            }
        #if os(Linux)
        if let timeout = limits.unacknowledgedTimeout {
            bootstrap = bootstrap.channelOption(
                .tcpOption(.userTimeout),
                value: .init(clamping: timeout.wholeMilliseconds)
            )
        }
        #endif
        let ready = bootstrap
        do {
            return try await withTaskCancellationHandler {
                ready.connect(host: way?.host ?? address.host, port: way?.port ?? address.port).whenFailure {
                    attempt.fail($0)
                }
                return try await attempt.result.get()
            } onCancel: {
                attempt.fail(WebSocketClientError(.cancelled, "the task was cancelled"))
            }
        } catch {
            throw WebSocketClientError(connecting: error)
        }
    }

    private static func tlsContext(_ given: NIOSSLContext?) throws(WebSocketClientError) -> NIOSSLContext {
        if let given { return given }
        do {
            return try WebSocketTLS.system.get()
        } catch {
            throw WebSocketClientError(.tls, "the system's root certificates cannot be loaded", underlying: error)
        }
    }

    private static func addTLS(_ context: NIOSSLContext, host: String, to channel: any Channel) throws {
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        // For an address the certificate is checked without a server name: TLS sends no addresses (RFC 6066 §3).
        let handler = try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
        try channel.pipeline.syncOperations.addHandler(TransportHandle())
        try channel.pipeline.syncOperations.addHandler(handler)
    }
}

/// One attempt to open a socket. It has exactly one result.
final class WebSocketClientAttempt: Sendable {
    private let promise: EventLoopPromise<WebSocketConnection>
    private let deadline: Scheduled<Void>

    var result: EventLoopFuture<WebSocketConnection> { promise.futureResult }

    init(eventLoop: any EventLoop, timeout: Duration) {
        // A promise keeps its first result and ignores later ones, so an attempt needs no other state.
        let promise = eventLoop.makePromise(of: WebSocketConnection.self)
        self.promise = promise
        self.deadline = eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            promise.fail(WebSocketClientError.timedOut)
        }
    }

    func succeed(_ connection: WebSocketConnection) {
        deadline.cancel()
        promise.succeed(connection)
    }

    func fail(_ error: any Error) {
        deadline.cancel()
        promise.fail(error)
    }
}

#if os(Linux)
extension NIOBSDSocket.Option {
    /// `TCP_USER_TIMEOUT` of linux/tcp.h, in milliseconds, for which NIO has no name.
    fileprivate static let userTimeout = NIOBSDSocket.Option(rawValue: 18)
}
#endif
