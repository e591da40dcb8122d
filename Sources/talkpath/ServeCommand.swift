import ArgumentParser
import Dispatch
import Foundation
import Logging
import NIOCore
import TalkpathServer
import TalkpathStore
import UnixSignals

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Runs the server until a signal stops it.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the server.",
        discussion: """
            Settings come from the environment, and those that it lacks from the file: one JSON object whose members \
            bear the same names, such as {"TALKPATH_HTTP_PORT": 8080}.

            The first SIGTERM or SIGINT lets the calls finish, for TALKPATH_DRAIN_TIMEOUT_S at most, and refuses new \
            ones; a second one ends the calls now, and the server within two seconds. SIGHUP reads the certificate of \
            TALKPATH_TLS_CERTIFICATE and its key again; a change of the files is noticed within seconds, too.

            Exit status: 0 after a stop, 1 if the server cannot listen or fails, 64 for wrong options, 78 for wrong \
            settings.
            """
    )

    @Option(name: .long, help: ArgumentHelp("A file of settings, as JSON.", valueName: "file"))
    var config: String?

    @Flag(
        name: .long,
        help: """
            For work on this machine: serve localhost only, need no key, call every number unless told otherwise, and \
            accept media sockets that were not announced as calls.
            """
    )
    var dev = false

    @Flag(
        name: .long,
        help:
            "Check the settings, and the files, folders and port that they name; name every mistake, and do not start."
    )
    var check = false

    @Option(name: .long, help: "The address to listen on, instead of TALKPATH_HTTP_HOST.")
    var host: String?

    @Option(
        name: .long,
        help: "The port to listen on, instead of TALKPATH_HTTP_PORT; 0 takes a free one.",
        transform: Port.toListenOn
    )
    var port: Int?

    func run() async throws {
        if check { return try await checkSettings() }
        let configuration = try readConfiguration()
        // Raise the limit first, before other code opens files.
        ProcessDescriptors.raiseLimit()
        await ProcessDescriptors.warmUp()
        LoggingSystem.bootstrap { [format = configuration.logFormat] label in format.makeHandler(label: label) }
        // Trap signals from here on, so that a signal during the start also stops the server in order. SIGHUP never
        // ends the server, with or without a certificate: an operator who reloads all services of a machine must not
        // end calls.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        defer { Self.flushLog() }
        let server: TalkpathServer
        do {
            var parts = TalkpathServer.Parts()
            parts.putsMediaFirst = true
            parts.givesMemoryBack = true
            server = try await TalkpathServer.start(configuration, parts: parts)
        } catch {
            Self.complain(Self.obstacle(error, configuration))
            throw error is StoreError && configuration.storage.database != nil ? Self.wrongSettings : ExitCode.failure
        }
        await Self.attend(server, signals)
        do {
            try await server.waitUntilStopped()
        } catch {
            Self.complain("the server failed: \(ErrorWords.of(error))")
            throw ExitCode.failure
        }
    }

    /// Explains why the server could not start. The text begins with the part that failed.
    static func obstacle(_ error: any Error, _ configuration: ServerConfiguration) -> String {
        switch error {
        case let error as StoreError where configuration.storage.database != nil: "TALKPATH_DATABASE_URL: \(error)"
        case let error as StoreError: "the data folder cannot be used: \(error)"
        case let error as ConfigurationError: error.problems.map { "\($0)" }.joined(separator: "; ")
        case is IOError, is SocketAddressError, is SocketAddressError.UnknownHost:
            "cannot listen on \(configuration.host):\(configuration.port): \(ErrorWords.of(error))"
        default: "cannot start: \(ErrorWords.of(error))"
        }
    }

    /// Handles signals; returns when the server has stopped.
    private static func attend(_ server: TalkpathServer, _ signals: UnixSignalsSequence) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var isStopping = false
                for await signal in signals {
                    if signal == .sighup {
                        server.reloadCertificate()
                        continue
                    }
                    guard isStopping else {
                        isStopping = true
                        await server.beginShutdown()
                        continue
                    }
                    // A second signal means: do not wait, neither for a carrier that does not answer, nor for an event
                    // loop that is closing and would not answer this request. The calls' records are saved first, at
                    // the beginning of this time.
                    DispatchQueue.global().asyncAfter(deadline: .now() + 1.5) {
                        LogWriter.standardError.flush(withinMilliseconds: 100)
                        Self.leave(status: 128 + signal.rawValue)
                    }
                    await server.endNow(within: .milliseconds(800))
                }
            }
            group.addTask { try? await server.waitUntilStopped() }
            await group.next()
            group.cancelAll()
        }
    }

    // MARK: Settings

    private func readConfiguration() throws -> ServerConfiguration {
        do {
            return try ServerConfiguration.read(
                environment: ProcessInfo.processInfo.environment,
                file: try readFile(),
                isDevelopment: dev,
                override: applyOptions
            )
        } catch let error as ConfigurationError {
            for problem in error.problems { Self.complain("\(problem)") }
            throw Self.wrongSettings
        }
    }

    /// Reports every mistake. Of a setting that cannot be read, it reports only that.
    private func checkSettings() async throws {
        let (configuration, flaws) = ServerConfiguration.inspect(
            environment: ProcessInfo.processInfo.environment,
            file: try readFile(),
            isDevelopment: dev,
            override: applyOptions
        )
        let named = Set(flaws.map(\.setting))
        let problems = flaws + (await configuration.obstacles()).filter { !named.contains($0.setting) }
        guard problems.isEmpty else {
            for problem in problems { Self.complain("\(problem)") }
            throw Self.wrongSettings
        }
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        print("the settings are right: the server would listen on \(host):\(configuration.port)")
    }

    private func applyOptions(_ configuration: inout ServerConfiguration) {
        if let host { configuration.host = host }
        if let port { configuration.port = port }
    }

    private func readFile() throws -> [UInt8]? {
        guard let config else { return nil }
        do {
            return Array(try Data(contentsOf: URL(filePath: config)))
        } catch {
            Self.complain("--config: \(ErrorWords.of(error))")
            throw Self.wrongSettings
        }
    }

    /// `EX_CONFIG` of sysexits.h.
    private static let wrongSettings = ExitCode(78)

    /// Writes through the log's thread, because standard error may have no reader.
    private static func complain(_ line: String) {
        LogWriter.standardError.write(Array("talkpath: \(line)\n".utf8))
        flushLog()
    }

    /// Waits up to half a second until the log's last lines are written.
    private static func flushLog() { LogWriter.standardError.flush(withinMilliseconds: 500) }

    /// Ends the process at once, without the handlers that `exit` runs: they would destroy objects that other threads
    /// still use.
    private static func leave(status: Int32) -> Never { endProcess(status) }
}

private let endProcess: @Sendable (Int32) -> Never = { _exit($0) }
