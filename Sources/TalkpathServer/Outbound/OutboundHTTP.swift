package import AsyncHTTPClient
import NIOCore
package import NIOHTTP1
import NIOHTTPCompression
import TalkpathCore
import TalkpathNIO

/// The configuration that the HTTP clients of this program share.
package enum OutboundHTTP {
    /// The settings that every client begins with: our TLS settings, no redirects, no automatic retries, and idle
    /// connections closed before the server closes them.
    package static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: OutboundTLS.configuration(),
            redirectConfiguration: .disallow
        )
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = .seconds(5)
        configuration.connectionPool.idleTimeout = .seconds(20)
        configuration.connectionPool.retryConnectionEstablishment = false
        // We ask for no encoding, but some servers and proxies use one all the same.
        configuration.decompression = .enabled(limit: .size(longestDecoded))
        return configuration
    }

    /// The most bytes of an encoded answer, decoded.
    package static let longestDecoded = 1 << 24

    /// Sends a request, and takes the whole answer within `timeout`: the client's own time ends with the head of the
    /// answer, and a server that stops in its body would be waited for without end.
    ///
    /// - Throws: `HTTPClientError.deadlineExceeded`; `NIOTooManyBytesError` for a body of more than `longest` bytes.
    static func answer(
        to request: HTTPClientRequest,
        over client: HTTPClient,
        timeout: Duration,
        upTo longest: Int
    ) async throws -> (head: HTTPClientResponse, body: [UInt8]) {
        try await withThrowingTaskGroup(of: (head: HTTPClientResponse, body: [UInt8]).self) { group in
            group.addTask {
                let response = try await client.execute(request, timeout: TimeAmount(timeout))
                return (response, try await body(of: response, upTo: longest))
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw HTTPClientError.deadlineExceeded
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    private static func body(of response: HTTPClientResponse, upTo longest: Int) async throws -> [UInt8] {
        var body: [UInt8] = []
        do {
            for try await part in response.body {
                guard part.readableBytes <= longest - body.count else {
                    throw NIOTooManyBytesError(maxBytes: longest)
                }
                body.append(contentsOf: part.readableBytesView)
            }
        } catch let error as NIOHTTPDecompression.ExtraDecompressionError
            where error == .truncatedData && body.isEmpty
        {
            // Servers name an encoding for empty bodies, too.
        }
        return body
    }

    /// A request with our `User-Agent`, for an answer that is not encoded, unless the headers hold others.
    package static func request(
        _ method: HTTPMethod,
        _ url: String,
        headers: [(name: String, value: String)] = []
    ) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if !request.headers.contains(name: "User-Agent") {
            request.headers.add(name: "User-Agent", value: TalkpathVersion.userAgent)
        }
        // Otherwise the client would ask for an encoded answer, and the bodies are short.
        if !request.headers.contains(name: "Accept-Encoding") {
            request.headers.add(name: "Accept-Encoding", value: "identity")
        }
        return request
    }

    /// The settings for one host, which may need a proxy.
    static func configuration(for host: String, port: Int) -> HTTPClient.Configuration {
        var configuration = configuration
        configuration.proxy = OutboundProxy.environment.server(for: host, port: port).map(
            HTTPClient.Configuration.Proxy.init
        )
        return configuration
    }

    /// The settings for a configured address. A malformed address is reported elsewhere.
    package static func configuration(for url: String?) -> HTTPClient.Configuration {
        guard let url = url.flatMap({ try? OutboundURL($0) }), url.scheme.isSecure else { return configuration }
        return configuration(for: url.host, port: url.port)
    }

    /// The reason of a TLS failure, in our own words; `nil` for another error.
    package static func failureOfTLS(_ error: any Error) -> String? {
        if let error = error as? HTTPClientError, error == .tlsHandshakeTimeout {
            return "TLS failed: the handshake took too long"
        }
        return TLSFailure.words(for: error)
    }
}

extension HTTPClient.Configuration.Proxy {
    init(_ server: OutboundProxy.Server) {
        let authorization = server.credentials.map { credentials in
            let parts = credentials.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init
            )
            return HTTPClient.Authorization.basic(username: parts[0], password: parts.count > 1 ? parts[1] : "")
        }
        self =
            authorization.map { .server(host: server.host, port: server.port, authorization: $0) }
            ?? .server(host: server.host, port: server.port)
    }
}
