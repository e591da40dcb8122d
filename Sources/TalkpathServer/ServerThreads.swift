import NIOCore
import NIOPosix

/// The threads that carry the calls and the port.
struct ServerThreads: Sendable {
    /// An event loop for each lane.
    var lanes: [any EventLoop] { Array(media.makeIterator()) }
    /// The event loops of the port.
    let port: MultiThreadedEventLoopGroup
    private let media: MultiThreadedEventLoopGroup

    /// With one lane, the port shares its thread. With several, it has one of its own, so that a lane that stalls does not
    /// hold up requests. Where the port speaks TLS, its connections cannot change threads: each is decrypted on a thread of
    /// the port's, of which there are as many as lanes.
    init(_ configuration: ServerConfiguration) {
        let count = max(1, configuration.mediaLanes)
        media = MultiThreadedEventLoopGroup(numberOfThreads: count)
        port =
            count == 1
            ? media : MultiThreadedEventLoopGroup(numberOfThreads: configuration.tls == nil ? 1 : count)
    }

    /// Those that audio passes: all of them where the port speaks TLS.
    var first: [any EventLoop] { port === media ? lanes : lanes + Array(port.makeIterator()) }

    func shutDown() async {
        try? await port.shutdownGracefully()
        if media !== port { try? await media.shutdownGracefully() }
    }
}
