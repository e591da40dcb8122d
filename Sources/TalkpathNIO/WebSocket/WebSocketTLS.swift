package import NIOSSL

/// TLS for WebSocket clients. A context is costly to make (it loads the system's root certificates) and is shared.
package enum WebSocketTLS {
    /// Verifies the peer against the system's root certificates. Made once for the process.
    package static let system: Result<NIOSSLContext, any Error> = Result {
        try NIOSSLContext(configuration: clientConfiguration())
    }

    /// Verifies the peer against these roots only.
    package static func trusting(_ roots: NIOSSLTrustRoots) throws -> NIOSSLContext {
        var configuration = clientConfiguration()
        configuration.trustRoots = roots
        return try NIOSSLContext(configuration: configuration)
    }

    private static func clientConfiguration() -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        // A WebSocket begins as HTTP/1.1; a server that prefers HTTP/2 must not choose it.
        configuration.applicationProtocols = ["http/1.1"]
        return configuration
    }
}

enum TLSErrors {
    /// A peer that ends the TCP stream without TLS's farewell: with a WebSocket's own close frame nothing is lost by it.
    static func isEndOfStream(_ error: any Error) -> Bool {
        if case .some(.uncleanShutdown) = error as? NIOSSLError { true } else { false }
    }
}
