import ArgumentParser
import Dispatch
import FoundationEssentials
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

/// Runs the server until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve calls.",
        discussion: """
            Settings come from the environment and, where it has none, from the file: one JSON object whose members \
            bear the same names, such as {"TALKPATH_HTTP_PORT": 8080}.

            The first SIGTERM or SIGINT lets the calls finish, for TALKPATH_DRAIN_TIMEOUT_S at most, and takes no new \
            ones; a second one ends them now, and the server within a second. With TALKPATH_TLS_CERTIFICATE, SIGHUP reads \
            the certificate and its key again, which otherwise takes some seconds from their change; without, it does \
            nothing.
            Exit status: 0 after a stop, 64 for wrong options, 78 for wrong settings, 1 if the server cannot listen or \
            fails.
            """
    )

    @Option(name: .long, help: ArgumentHelp("Settings, as JSON.", valueName: "file"))
    var config: String?

    @Flag(
        name: .long,
        help: """
            For work on this machine: serves localhost only, needs no key, calls every number unless told otherwise, \
            and takes media sockets that nobody has announced as calls.
            """
    )
    var dev = false

    @Option(name: .long, help: "The address to listen on, instead of TALKPATH_HTTP_HOST.")
    var host: String?

    @Option(name: .long, help: "The port to listen on, instead of TALKPATH_HTTP_PORT. 0 takes a free one.")
    var port: Int?

    func validate() throws {
        if let port, !(0...65_535).contains(port) { throw ValidationError("--port must be from 0 to 65535") }
    }

    func run() async throws {
        let configuration = try readConfiguration()
        // Before anything opens files of its own, so that nothing has to do without.
        ProcessDescriptors.raiseLimit()
        await ProcessDescriptors.warmUp()
        LoggingSystem.bootstrap { [format = configuration.logFormat] label in format.makeHandler(label: label) }
        // From here on, so that a signal that comes during the start stops the server in order, too.
        // A hang-up never ends the server, with or without a certificate: it carries calls, and whoever reloads all
        // services of a machine does not mean to end them.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        defer { Self.flushLog() }
        let server: TalkpathServer
        do {
            var parts = TalkpathServer.Parts()
            parts.putsMediaFirst = true
            server = try await TalkpathServer.start(configuration, parts: parts)
        } catch {
            Self.complain(Self.obstacle(error, configuration))
            throw ExitCode.failure
        }
        await Self.attend(server, signals)
        do {
            try await server.waitUntilStopped()
        } catch {
            Self.complain("the server failed: \(error)")
            throw ExitCode.failure
        }
    }

    /// Why there is no server: what it is that failed stands in front.
    private static func obstacle(_ error: any Error, _ configuration: ServerConfiguration) -> String {
        switch error {
        case let error as StoreError: "the data folder cannot be used: \(error)"
        case let error as ConfigurationError: error.problems.map { "\($0)" }.joined(separator: "; ")
        case is IOError, is SocketAddressError:
            "cannot listen on \(configuration.host):\(configuration.port): \(error)"
        default: "cannot start: \(error)"
        }
    }

    /// Does what signals ask for; returns when the server has stopped.
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
                    // A second signal means that nobody wants to wait: neither for a carrier that does not answer, nor for
                    // an answer to this request, which an event loop that is just going does not give. The calls'
                    // records are saved first, within the first part of this time.
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

    private func readConfiguration() throws -> ServerConfiguration {
        var file: [UInt8]?
        if let config {
            do {
                file = Array(try Data(contentsOf: URL(filePath: config)))
            } catch {
                Self.complain("--config: the file cannot be read")
                throw Self.wrongSettings
            }
        }
        do {
            return try ServerConfiguration.read(
                environment: ProcessInfo.processInfo.environment,
                file: file,
                isDevelopment: dev
            ) { configuration in
                if let host { configuration.host = host }
                if let port { configuration.port = port }
            }
        } catch {
            for problem in error.problems { Self.complain("\(problem)") }
            throw Self.wrongSettings
        }
    }

    /// `EX_CONFIG` of sysexits.h.
    private static let wrongSettings = ExitCode(78)

    /// Through the log's thread, for there may be nobody who reads it.
    private static func complain(_ line: String) {
        LogWriter.standardError.write(Array("talkpath: \(line)\n".utf8))
        flushLog()
    }

    /// The last lines get so long to be read, and no longer.
    private static func flushLog() { LogWriter.standardError.flush(withinMilliseconds: 500) }

    /// At once, without the handlers that `exit` runs: they would take apart what other threads still use.
    private static func leave(status: Int32) -> Never { endProcess(status) }
}

private let endProcess: @Sendable (Int32) -> Never = { _exit($0) }
