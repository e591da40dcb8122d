import Logging
import NIOSSL
import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The port's own certificate, read again when its files change or somebody asks for it. Connections that stand keep the
/// one they began with.
final class TLSCertificate: Sendable {
    private struct State {
        var context: NIOSSLContext
        /// Of the files that were read last, with or without success.
        var stamp: [Int]
    }

    private let files: ServerConfiguration.TLSFiles
    private let state: Mutex<State>

    /// - Throws: `ConfigurationError` if the files cannot be read, or do not belong together.
    init(_ files: ServerConfiguration.TLSFiles) throws(ConfigurationError) {
        self.files = files
        do {
            let stamp = Self.stamp(files)
            state = Mutex(State(context: try Self.context(files), stamp: stamp))
        } catch {
            throw ConfigurationError([
                .init(
                    Setting.tlsCertificate.rawValue,
                    "certificate and key cannot be read as PEM, or do not belong together"
                )
            ])
        }
    }

    /// For new connections.
    var context: NIOSSLContext { state.withLock { $0.context } }

    enum Reload {
        case unchanged, done
        /// The files are wrong, perhaps half written; the certificate there was goes on to be used.
        case failed
    }

    /// Reads the files again if they have changed since they were read last. Blocks while it does.
    func reloadIfChanged() -> Reload {
        let stamp = Self.stamp(files)
        return state.withLock { $0.stamp != stamp } ? reload() : .unchanged
    }

    /// Reads the files again. Blocks while it does.
    func reload() -> Reload {
        // Taken first: what is written from here on is another change.
        let stamp = Self.stamp(files)
        let context = try? Self.context(files)
        state.withLock { state in
            state.stamp = stamp
            if let context { state.context = context }
        }
        return context == nil ? .failed : .done
    }

    private static func context(_ files: ServerConfiguration.TLSFiles) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(files.certificate)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem))
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }

    /// What differs once a file has been written or replaced.
    private static func stamp(_ files: ServerConfiguration.TLSFiles) -> [Int] {
        [files.certificate, files.key].flatMap { path -> [Int] in
            var status = stat()
            guard stat(path, &status) == 0 else { return [0] }
            return [
                Int(status.st_ino), Int(status.st_size), Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec),
                // Of its owner and rights, too.
                Int(status.st_ctim.tv_sec), Int(status.st_ctim.tv_nsec),
            ]
        }
    }
}

/// Looks after the certificate's files.
struct TLSCertificateService: Service {
    let certificate: TLSCertificate
    let logger: Logger

    private static let interval = Duration.seconds(5)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: Self.interval)) != nil { tell(certificate.reloadIfChanged()) }
        }
    }

    /// Somebody has put new files in place and does not want to wait.
    func reload() { tell(certificate.reload()) }

    private func tell(_ outcome: TLSCertificate.Reload) {
        switch outcome {
        case .unchanged: break
        case .done: logger.notice("The certificate was read again; new connections get it")
        case .failed:
            logger.error(
                "The certificate's files cannot be read as PEM, or do not belong together; the one before stays in use"
            )
        }
    }
}
