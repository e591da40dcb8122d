import FoundationEssentials
package import NIOSSL

/// TLS towards others: models, the carrier, webhooks, functions, gateways. Every client of ours, whatever it speaks, takes
/// its configuration from here.
package enum OutboundTLS {
    /// TLS 1.2 at least; the peer's certificate is verified.
    ///
    /// - Parameter roots: nil trusts those that the environment names, or the system's.
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

    /// Of this process.
    package static let environmentRoots = Roots(ProcessInfo.processInfo.environment)

    /// Whom to trust, as the environment has it: `SSL_CERT_FILE` and `SSL_CERT_DIR`, which name a file of certificates in
    /// PEM, and a folder that OpenSSL's `rehash` has gone through. Where either is given, the system's do not count.
    package struct Roots: Equatable, Sendable {
        package var file: String?
        package var folder: String?

        package init(_ environment: [String: String]) {
            file = environment["SSL_CERT_FILE"].flatMap { $0.isEmpty ? nil : $0 }
            folder = environment["SSL_CERT_DIR"].flatMap { $0.isEmpty ? nil : $0 }
        }

        /// The variable that names what is not there, or holds no certificates; nil if all is well.
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
                // Only whole files may come in addition.
                configuration.additionalTrustRoots = [.file(file)]
            case (let only?, nil), (nil, let only?): configuration.trustRoots = .file(only)
            case (nil, nil): break
            }
        }
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
