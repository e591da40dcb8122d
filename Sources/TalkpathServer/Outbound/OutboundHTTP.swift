package import AsyncHTTPClient
import NIOCore
import TalkpathNIO

/// What the HTTP clients of this program have in common.
package enum OutboundHTTP {
    /// The settings that every client begins with: TLS as all of ours have it, redirects refused, nothing tried twice
    /// behind our back, and connections given up before the other side gives them up.
    package static var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: OutboundTLS.configuration(),
            redirectConfiguration: .disallow
        )
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = .seconds(5)
        configuration.connectionPool.idleTimeout = .seconds(20)
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    /// What TLS broke at, in our own words; nil for an error that is no failure of TLS.
    package static func failureOfTLS(_ error: any Error) -> String? {
        if let error = error as? HTTPClientError, error == .tlsHandshakeTimeout {
            return "TLS failed: the handshake took too long"
        }
        return TLSFailure.words(for: error)
    }
}
