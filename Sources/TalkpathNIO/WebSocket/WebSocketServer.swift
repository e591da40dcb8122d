package import NIOCore
import NIOPosix
package import NIOSSL
import Synchronization

/// A server for WebSockets only: other requests get 404.
package final class WebSocketServer: Sendable {
    private let listener: any Channel
    private let connections: ConnectionList

    /// The listening address; if port 0 was requested, it holds the actual port.
    package let localAddress: SocketAddress
    package var port: Int { localAddress.port ?? 0 }

    private init(listener: any Channel, address: SocketAddress, connections: ConnectionList) {
        self.listener = listener
        self.localAddress = address
        self.connections = connections
    }

    /// Listens until `close`.
    ///
    /// - Parameters:
    ///   - port: 0 selects a free port.
    ///   - tls: a server's context for `wss`; `nil` for `ws`.
    ///   - routes: decides about each upgrade, on the connection's event loop.
    package static func bind(
        host: String = "127.0.0.1",
        port: Int = 0,
        group: any EventLoopGroup,
        tls: NIOSSLContext? = nil,
        limits: HTTPConnectionLimits = .init(),
        routes: WebSocketRoutes
    ) async throws -> WebSocketServer {
        let connections = ConnectionList()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    connections.add(channel)
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(TransportHandle())
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try WebSocketUpgradeHandler.configure(channel, routes: routes, limits: limits)
                }
            }
        let listener = try await bootstrap.bind(host: host, port: port).get()
        guard let address = listener.localAddress else { throw ChannelError.unknownLocalAddress }
        return WebSocketServer(listener: listener, address: address, connections: connections)
    }

    /// Stops listening, closes every socket with 1001 (unless its limits leave that to its owner), and returns when the
    /// last connection is closed.
    package func close() async {
        // Fails only if the listener is closed already.
        try? await listener.close()
        for channel in connections.all {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        for channel in connections.all {
            try? await channel.closeFuture.get()
        }
    }
}

private final class ConnectionList: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    var all: [any Channel] { channels.withLock { Array($0.values) } }

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        channels.withLock { $0[id] = channel }
        channel.closeFuture.whenComplete { _ in
            self.channels.withLock { _ = $0.removeValue(forKey: id) }
        }
    }
}
