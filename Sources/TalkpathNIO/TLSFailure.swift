import NIOSSL

/// Turns TLS errors into messages for operators.
package enum TLSFailure {
    /// The cause of a TLS failure in our own words; `nil` if the error is not a TLS failure.
    package static func words(for error: any Error) -> String? {
        switch error {
        case is NIOSSLExtraError:
            "TLS failed: the certificate is not for this host"
        case NIOSSLError.uncleanShutdown:
            nil
        case let error as NIOSSLError:
            words(forReason: "\(error)")
        case let error as BoringSSLError:
            words(forReason: "\(error)")
        default:
            nil
        }
    }

    /// - Parameter reason: text that contains the names of BoringSSL errors.
    private static func words(forReason reason: String) -> String {
        let known = reasons.first { reason.contains($0.name) }
        return known.map { "TLS failed: \($0.words)" } ?? "TLS failed"
    }

    private static let reasons = [
        (name: "CERTIFICATE_VERIFY_FAILED", words: "the certificate is not trusted: unknown issuer, or not valid now"),
        (name: "WRONG_VERSION_NUMBER", words: "the other side does not speak TLS"),
        (name: "PROTOCOL_VERSION", words: "the other side speaks no version from 1.2 on"),
        (name: "UNSUPPORTED_PROTOCOL", words: "the other side speaks no version from 1.2 on"),
        (name: "EOF during handshake", words: "the other side ended the connection within the handshake"),
        (name: "HANDSHAKE_FAILURE", words: "both sides have no cipher suite in common"),
    ]

    /// True if the peer ended the TCP stream without TLS's `close_notify`. After a WebSocket close frame nothing is
    /// lost by that.
    static func isEndOfStream(_ error: any Error) -> Bool {
        if case .some(.uncleanShutdown) = error as? NIOSSLError { true } else { false }
    }
}
