import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The reason why a WebSocket to a server could not be opened.
package struct WebSocketClientError: Error, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The URL is malformed: correct the configuration.
        case invalidURL
        /// A header's name or value cannot be sent.
        case invalidHeader
        /// The host's name cannot be resolved.
        case nameResolution
        /// No server listens at the address.
        case connectionRefused
        /// The host cannot be reached, or the connection broke before the handshake was complete.
        case connectionLost
        /// The attempt did not finish in time.
        case timedOut
        /// TLS failed: wrong certificate, unknown root, or a server without TLS.
        case tls
        /// The server answered with another status than 101: see `status` and `body`. Redirects are not followed.
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
    /// For `.rejected`, the first KiB of the answer's body. It is the server's text: escape it before logging.
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

    static let timedOut = Self(.timedOut, "the socket did not open in time")

    /// Classifies an error below the handshake.
    init(connecting error: any Error) {
        if let words = TLSFailure.words(for: error) {
            self.init(.tls, words, underlying: error)
            return
        }
        switch error {
        case let error as WebSocketClientError:
            self = error
        case NIOSSLError.uncleanShutdown:
            self.init(.tls, "TLS failed: the connection ended during the handshake", underlying: error)
        case let error as NIOConnectionError:
            self.init(error)
        case let error as HTTPParserError:
            self.init(.invalidHandshake, "the server's answer is not HTTP", underlying: error)
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            self.init(.connectionRefused, "no server listens there", underlying: error)
        case ChannelError.connectTimeout:
            self = .timedOut
        default:
            self.init(.connectionLost, "the connection broke before the handshake was complete", underlying: error)
        }
    }

    private init(_ error: NIOConnectionError) {
        guard let last = error.connectionErrors.last else {
            self.init(.nameResolution, "the host's name cannot be resolved", underlying: error)
            return
        }
        self.init(connecting: last.error)
        underlying = error
    }
}
