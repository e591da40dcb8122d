import NIOCore
import NIOPosix
import TalkpathNIO

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension ServerConfiguration {
    /// Returns everything that would keep a server with these settings from starting: wrong settings, and faults of the
    /// files, folders and port that they name.
    ///
    /// Changes nothing: creates no folder, and closes the port again. If a server runs with the same settings, its port
    /// and its folder are reported as in use.
    package func obstacles() async -> [ConfigurationError.Problem] {
        var found =
            problems() + Self.environmentProblems() + certificateProblems() + folderProblems()
            + priceProblems()
        if let problem = await portProblem() { found.append(problem) }
        return found
    }

    /// Checks the variables of outbound connections (proxy and certificates), which are not settings of the server.
    static func environmentProblems() -> [ConfigurationError.Problem] {
        var problems: [ConfigurationError.Problem] = []
        if let variable = OutboundProxy.environment.flaw {
            problems.append(
                .init(variable, "must be http://host:port, perhaps with user:password@ in front of the host")
            )
        }
        if let variable = OutboundTLS.environmentRoots.flaw() {
            problems.append(.init(variable, "holds no certificates in PEM: no server outside could be trusted"))
        }
        return problems
    }

    private func certificateProblems() -> [ConfigurationError.Problem] {
        guard let tls else { return [] }
        var problems: [ConfigurationError.Problem] = []
        for (setting, path) in [(Setting.tlsCertificate, tls.certificate), (.tlsKey, tls.key)] {
            if access(path, R_OK) != 0 { problems.append(problem(setting, "cannot be read: \(Self.reason())")) }
        }
        guard problems.isEmpty else { return problems }
        do throws(ConfigurationError) {
            _ = try TLSCertificate(tls)
            return []
        } catch {
            return error.problems
        }
    }

    // MARK: Folders

    private func folderProblems() -> [ConfigurationError.Problem] {
        var problems: [ConfigurationError.Problem] = []
        if let folder = storage.folder {
            if let flaw = Self.flaw(ofFolder: folder) { problems.append(problem(.dataFolder, flaw)) }
            if Self.isLocked(folder + "/lock") { problems.append(problem(.dataFolder, "another server uses it")) }
        }
        if let folder = recordings?.folder, folder != storage.folder.map({ $0 + "/recordings" }),
            let flaw = Self.flaw(ofFolder: folder)
        {
            problems.append(problem(.recordings, flaw))
        }
        return problems
    }

    /// - Returns: why files cannot be written there. For a folder that does not exist, why it cannot be created.
    private static func flaw(ofFolder folder: String) -> String? {
        var status = stat()
        guard stat(folder, &status) != 0 else {
            guard status.st_mode & S_IFMT == S_IFDIR else { return "is not a folder" }
            return access(folder, W_OK | X_OK) == 0 ? nil : "cannot be written to: \(reason())"
        }
        guard errno == ENOENT else { return "cannot be used: \(reason())" }
        let trimmed = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        let parts = trimmed.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let parent = parts.isEmpty ? "." : parts.joined(separator: "/")
        if parent.isEmpty { return access("/", W_OK | X_OK) == 0 ? nil : "cannot be created: \(reason())" }
        guard let flaw = flaw(ofFolder: parent) else { return nil }
        return flaw.hasPrefix("cannot be created") ? flaw : "cannot be created: \(parent) \(flaw)"
    }

    private static func isLocked(_ path: String) -> Bool {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) != 0 else { return false }
        return errno == EWOULDBLOCK
    }

    // MARK: The port

    private func portProblem() async -> ConfigurationError.Problem? {
        do {
            let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port).get()
            try await channel.close()
            return nil
        } catch let error as IOError {
            switch error.errnoCode {
            case EADDRINUSE: return problem(.port, "\(port) is in use by another process")
            case EACCES: return problem(.port, "\(port) may not be opened by this user")
            case EADDRNOTAVAIL: return problem(.host, "'\(host)' is not an address of this machine")
            default:
                return problem(.host, "cannot listen on \(host):\(port): \(String(cString: strerror(error.errnoCode)))")
            }
        } catch {
            return problem(.host, "'\(host)' is not an address of this machine")
        }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
