import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Why a WebSocket to a server could not be opened.
package struct WebSocketClientError: Error, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The address is not one: correct the configuration.
        case invalidURL
        /// A header's name or value cannot be sent.
        case invalidHeader
        /// The host's name is not known.
        case nameResolution
        /// Nobody listens there.
        case connectionRefused
        /// Not reachable, or broken off before the handshake was done.
        case connectionLost
        /// Not done within the time given.
        case timedOut
        /// TLS failed: wrong certificate, unknown root, or no TLS on the other side.
        case tls
        /// The server answered, with something else than 101: see `status` and `body`. Redirects are not followed.
        case rejected
        /// The server's 101 does not fit our request, or its answer is not HTTP.
        case invalidHandshake
        /// The calling task was cancelled.
        case cancelled
    }

    package var code: Code
    package var message: String
    /// The HTTP status for `.rejected`.
    package var status: Int?
    /// For `.rejected`, the first KiB of the answer's body. It is the server's text: not for a log line unescaped.
    package var body: String
    package var underlying: (any Error)?

    init(_ code: Code, _ message: String, status: Int? = nil, body: String = "", underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.status = status
        self.body = body
        self.underlying = underlying
    }

    package var description: String {
        underlying.map { "\(code): \(message) (\($0))" } ?? "\(code): \(message)"
    }

    static func invalidURL(_ message: String) -> Self { .init(.invalidURL, message) }

    static let timedOut = Self(.timedOut, "the socket was not open in time")

    /// Sorts what went wrong below the handshake.
    init(connecting error: any Error) {
        if let words = TLSFailure.words(for: error) {
            self.init(.tls, words, underlying: error)
            return
        }
        switch error {
        case let error as WebSocketClientError:
            self = error
        case NIOSSLError.uncleanShutdown:
            self.init(.tls, "TLS failed: the connection ended within the handshake", underlying: error)
        case let error as NIOConnectionError:
            self.init(error)
        case let error as HTTPParserError:
            self.init(.invalidHandshake, "the server's answer is not HTTP", underlying: error)
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            self.init(.connectionRefused, "nobody listens there", underlying: error)
        case ChannelError.connectTimeout:
            self = .timedOut
        default:
            self.init(.connectionLost, "the connection broke off before the handshake was done", underlying: error)
        }
    }

    private init(_ error: NIOConnectionError) {
        guard let last = error.connectionErrors.last else {
            self.init(.nameResolution, "the host's name is not known", underlying: error)
            return
        }
        self.init(connecting: last.error)
        underlying = error
    }
}
