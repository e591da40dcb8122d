import FoundationEssentials
package import NIOSSL

/// TLS for outgoing connections: models, the carrier, webhooks, functions, gateways. Every client in this package takes
/// its TLS configuration from here.
package enum OutboundTLS {
    /// A configuration of TLS 1.2 or later that verifies the peer's certificate.
    ///
    /// - Parameter roots: the root certificates to trust; `nil` means those that the environment names, else the
    ///   system's.
    package static func configuration(trusting roots: NIOSSLTrustRoots? = nil) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let roots {
            configuration.trustRoots = roots
        } else {
            environmentRoots.apply(to: &configuration)
        }
        return configuration
    }

    /// The root certificates that this process's environment names.
    package static let environmentRoots = Roots(ProcessInfo.processInfo.environment)

    /// The root certificates to trust, from the environment. `SSL_CERT_FILE` names a PEM file of certificates, and
    /// `SSL_CERT_DIR` names a folder prepared by OpenSSL's `rehash`. If either is set, the system's roots are not
    /// trusted.
    package struct Roots: Equatable, Sendable {
        package var file: String?
        package var folder: String?

        package init(_ environment: [String: String]) {
            file = environment["SSL_CERT_FILE"].flatMap { $0.isEmpty ? nil : $0 }
            folder = environment["SSL_CERT_DIR"].flatMap { $0.isEmpty ? nil : $0 }
        }

        /// The name of the variable whose file or folder is missing or holds no certificates; `nil` if both are fine.
        package func flaw() -> String? {
            if let file, (try? NIOSSLCertificate.fromPEMFile(file))?.isEmpty ?? true { return "SSL_CERT_FILE" }
            var isFolder = false
            if let folder, !(FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) && isFolder) {
                return "SSL_CERT_DIR"
            }
            return nil
        }

        package func apply(to configuration: inout TLSConfiguration) {
            switch (file, folder) {
            case (let file?, let folder?):
                configuration.trustRoots = .file(folder)
                // NIOSSL accepts only whole files in addition.
                configuration.additionalTrustRoots = [.file(file)]
            case (let only?, nil), (nil, let only?): configuration.trustRoots = .file(only)
            case (nil, nil): break
            }
        }
    }
}

/// TLS for WebSocket clients. A context is costly to make, because it loads the system's root certificates, so it is
/// shared.
package enum WebSocketTLS {
    /// Verifies the peer against the environment's or the system's root certificates. Made once for the process.
    package static let system: Result<NIOSSLContext, any Error> = Result { try context() }

    /// Verifies the peer against these roots only.
    package static func trusting(_ roots: NIOSSLTrustRoots) throws -> NIOSSLContext { try context(trusting: roots) }

    private static func context(trusting roots: NIOSSLTrustRoots? = nil) throws -> NIOSSLContext {
        var configuration = OutboundTLS.configuration(trusting: roots)
        // A WebSocket begins as HTTP/1.1, so a server that prefers HTTP/2 must not choose that.
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}
