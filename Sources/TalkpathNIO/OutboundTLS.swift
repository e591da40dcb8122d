package import NIOSSL

/// TLS towards others: models, the carrier, webhooks, functions, gateways. Every client of ours, whatever it speaks, takes
/// its configuration from here.
package enum OutboundTLS {
    /// TLS 1.2 at least; the peer's certificate is verified.
    ///
    /// - Parameter roots: nil trusts the system's.
    package static func configuration(trusting roots: NIOSSLTrustRoots? = nil) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let roots { configuration.trustRoots = roots }
        return configuration
    }
}

/// TLS for WebSocket clients. A context is costly to make (it loads the system's root certificates) and is shared.
package enum WebSocketTLS {
    /// Verifies the peer against the system's root certificates. Made once for the process.
    package static let system: Result<NIOSSLContext, any Error> = Result { try context() }

    /// Verifies the peer against these roots only.
    package static func trusting(_ roots: NIOSSLTrustRoots) throws -> NIOSSLContext { try context(trusting: roots) }

    private static func context(trusting roots: NIOSSLTrustRoots? = nil) throws -> NIOSSLContext {
        var configuration = OutboundTLS.configuration(trusting: roots)
        // A WebSocket begins as HTTP/1.1; a server that prefers HTTP/2 must not choose it.
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}
