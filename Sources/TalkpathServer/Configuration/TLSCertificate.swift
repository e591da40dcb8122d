import Logging
import NIOSSL
import ServiceLifecycle
import Synchronization
import TalkpathAudio
import TalkpathCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The port's own certificate. It is read again when its files change, or on request. Open connections keep the
/// certificate that they began with.
final class TLSCertificate: Sendable {
    private struct State {
        var context: NIOSSLContext
        var validity: Validity
        /// Identifies the files that were read last, with or without success.
        var stamp: [Int]
    }

    private let files: ServerConfiguration.TLSFiles
    private let state: Mutex<State>

    /// - Throws: `ConfigurationError` if the files cannot be read, or do not belong together.
    init(_ files: ServerConfiguration.TLSFiles) throws(ConfigurationError) {
        self.files = files
        do {
            let stamp = Self.stamp(files)
            let (context, validity) = try Self.read(files)
            state = Mutex(State(context: context, validity: validity, stamp: stamp))
        } catch {
            throw ConfigurationError([
                .init(
                    Setting.tlsCertificate.rawValue,
                    "certificate and key cannot be read as PEM, or do not belong together"
                )
            ])
        }
    }

    /// The context for new connections.
    var context: NIOSSLContext { state.withLock { $0.context } }

    var validity: Validity { state.withLock { $0.validity } }

    enum Reload {
        case unchanged, done
        /// The files are wrong, perhaps half written. The server keeps the certificate that it has.
        case failed
    }

    /// Reads the files again if they have changed. Blocks the calling thread.
    func reloadIfChanged() -> Reload {
        let stamp = Self.stamp(files)
        return state.withLock { $0.stamp != stamp } ? reload() : .unchanged
    }

    /// Reads the files again. Blocks the calling thread.
    func reload() -> Reload {
        // Take the stamp first: a change of the files from here on counts as a new one.
        let stamp = Self.stamp(files)
        let new = try? Self.read(files)
        state.withLock { state in
            state.stamp = stamp
            if let new { (state.context, state.validity) = new }
        }
        return new == nil ? .failed : .done
    }

    /// For TLS 1.2, only suites with authenticated encryption and forward secrecy. TLS 1.3 has no others.
    private static let cipherSuites: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    private static func read(_ files: ServerConfiguration.TLSFiles) throws -> (NIOSSLContext, Validity) {
        let chain = try NIOSSLCertificate.fromPEMFile(files.certificate)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem))
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = cipherSuites
        configuration.applicationProtocols = ["http/1.1"]
        return (try NIOSSLContext(configuration: configuration), Validity(chain))
    }

    /// Values that change when a file is written or replaced.
    private static func stamp(_ files: ServerConfiguration.TLSFiles) -> [Int] {
        [files.certificate, files.key].flatMap { path -> [Int] in
            var status = stat()
            guard stat(path, &status) == 0 else { return [0] }
            return [
                Int(status.st_ino), Int(status.st_size), Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec),
                // Also detects a change of owner or permissions.
                Int(status.st_ctim.tv_sec), Int(status.st_ctim.tv_nsec),
            ]
        }
    }
}

/// Watches the certificate's files.
struct TLSCertificateService: Service {
    let certificate: TLSCertificate
    let clock: any CallClock
    let logger: Logger

    private static let interval = Duration.seconds(5)
    /// The time between two warnings.
    private static let reminder = Duration.seconds(12 * 3600)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var nextReminder = clock.now + Self.reminder
            while (try? await Task.sleep(for: Self.interval)) != nil {
                tell(certificate.reloadIfChanged())
                guard clock.now >= nextReminder else { continue }
                nextReminder = clock.now + Self.reminder
                warnOfValidity()
            }
        }
    }

    /// Warns if the certificate is not valid, or soon will not be.
    func warnOfValidity() {
        let validity = certificate.validity
        guard let warning = validity.warning(at: clock.wallTime) else { return }
        logger.warning(
            "\(warning)",
            metadata: ["valid_from": "\(validity.begin.rfc3339)", "valid_until": "\(validity.end.rfc3339)"]
        )
    }

    /// Reads the files again at once, at the operator's request.
    func reload() { tell(certificate.reload()) }

    private func tell(_ outcome: TLSCertificate.Reload) {
        switch outcome {
        case .unchanged: break
        case .done:
            logger.notice("The certificate was read again; new connections get it")
            warnOfValidity()
        case .failed:
            logger.error(
                "The certificate's files cannot be read as PEM, or do not belong together; the one before stays in use"
            )
        }
    }
}
