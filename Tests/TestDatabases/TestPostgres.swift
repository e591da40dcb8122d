import Foundation
import Synchronization
package import TalkpathPostgres
import TalkpathWire

/// A PostgreSQL server for the tests, from the distribution's package: in a temporary folder, on a socket there and on
/// a port of loopback. The first test that needs it starts it, once a run. It ends with this process in every case: its
/// supervisor waits for the end of a pipe that this process holds.
package final class TestPostgres: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    package static let password = "s3cret-p@ss/word"
    /// In the form of an address.
    package static let quotedPassword = "s3cret-p%40ss%2Fword"
    package static let isInstalled = binaries != nil

    private static let binaries: String? = {
        if let folder = ProcessInfo.processInfo.environment["TALKPATH_TEST_POSTGRES"] { return folder }
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        return versions.filter { $0 >= 15 }.max().map { "\(root)/\($0)/bin" }
    }()

    private static let started = Mutex<Result<TestPostgres, any Error>?>(nil)

    /// The server, once it answers. Blocks the calling thread at the first use.
    package static func shared() throws -> TestPostgres {
        try started.withLock { started in
            let result = started ?? Result { try TestPostgres() }
            started = result
            return try result.get()
        }
    }

    package let folder: String
    package let port: Int
    /// Open until this process ends.
    private let lifeline: Int32
    private let schemas = Mutex(0)

    /// PostgreSQL refuses to run as root, so it runs as an unprivileged user.
    private static let supervisor = """
        folder=$1 bin=$2 port=$3
        run() {
            if [ "$(id -u)" = 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; else "$@"; fi
        }
        [ "$(id -u)" != 0 ] || chown -R nobody "$folder"
        cd "$folder"
        run "$bin/initdb" -D "$folder/data" -U postgres --auth-local=trust --auth-host=scram-sha-256 \\
            --pwfile="$folder/password" -E UTF8 --no-locale --no-sync >"$folder/log" 2>&1 </dev/null &&
        run "$bin/postgres" -D "$folder/data" -p "$port" -k "$folder" -c listen_addresses=127.0.0.1 \\
            -c fsync=off -c full_page_writes=off -c max_connections=400 -c shared_buffers=32MB \\
            -c wal_level=minimal -c max_wal_senders=0 >>"$folder/log" 2>&1 </dev/null &
        server=$!
        cat >/dev/null
        pid=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null)
        [ -z "$pid" ] || kill -QUIT "$pid" 2>/dev/null
        wait "$server"
        rm -rf "$folder"
        """

    private init() throws {
        guard let binaries = Self.binaries else {
            throw Failure(description: "PostgreSQL is not installed: run Scripts/setup")
        }
        folder = "/tmp/talkpath-pg-" + SecureRandom.token().prefix(8)
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
        try Data(Self.password.utf8).write(to: URL(filePath: folder + "/password"))
        port = try Self.freePort()
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure(description: "no pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        lifeline = ends[1]
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", Self.supervisor, "sh", folder, binaries, "\(port)"]
        process.standardInput = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        try process.run()
        // A signal to the group of the tests must not end the server before the tests.
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do {
                try client().setUp { try $0.run("SELECT 1") }
                return
            } catch {
                guard .now < deadline, process.isRunning else {
                    let log = (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""
                    throw Failure(description: "PostgreSQL did not start: \(error)\n\(log)")
                }
                usleep(50_000)
            }
        }
    }

    /// A port of loopback for a server that binds it later. It lies below the range from which the system assigns ports,
    /// so that no connection takes it meanwhile, and no two callers in this process get the same one.
    package static func freePort() throws -> Int {
        for _ in 0..<1000 {
            let port = Int.random(in: 15_000..<32_000)
            guard givenPorts.withLock({ $0.insert(port).inserted }), canBind(port) else { continue }
            return port
        }
        throw Failure(description: "no port is free")
    }

    private static let givenPorts = Mutex<Set<Int>>([])

    private static func canBind(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    // MARK: Addresses

    /// - Parameters:
    ///   - user: the superuser by default.
    ///   - options: further options of libpq, as in a query.
    package func url(
        user: String = "postgres",
        database: String = "postgres",
        schema: String? = nil,
        options: String = ""
    )
        -> String
    {
        let path = schema.map { "&options=-csearch_path%3D\($0)" } ?? ""
        return "postgres://\(user)@/\(database)?host=\(folder)&port=\(port)\(path)\(options)"
    }

    /// - Parameter password: in the form of an address.
    package func url(overLoopbackAs user: String, password: String, port: Int? = nil, schema: String? = nil) -> String {
        let path = schema.map { "&options=-csearch_path%3D\($0)" } ?? ""
        return "postgres://\(user):\(password)@127.0.0.1:\(port ?? self.port)/postgres?sslmode=disable\(path)"
    }

    package func client(_ url: String? = nil) throws -> PostgresClient {
        PostgresClient(try PostgresAddress(url ?? self.url()), readers: 1)
    }

    /// Runs statements as the server's own user.
    package func run(_ sql: String, in url: String? = nil) throws {
        let client = try client(url)
        defer { client.close() }
        try client.setUp { try $0.run(sql) }
    }

    /// A new and empty schema, and its address. Connections to it carry its name.
    package func makeSchema() throws -> (name: String, url: String) {
        let name = schemas.withLock { count in
            count += 1
            return "trial_\(getpid())_\(count)"
        }
        try run("CREATE SCHEMA \(name)")
        return (name, url(schema: name, options: "&application_name=\(name)"))
    }

    /// Ends every connection to a schema.
    package func cutConnections(to schema: String) throws {
        try run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(schema)'")
    }
}
