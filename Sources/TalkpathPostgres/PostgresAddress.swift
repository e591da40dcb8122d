import CPostgres

/// The address of a database, in libpq's connection string: `postgres://user@host/database?sslmode=verify-full`.
///
/// The password may be in it, in `PGPASSWORD` or in libpq's password file. All other settings that libpq reads apply,
/// too.
package struct PostgresAddress: Equatable, Sendable, CustomStringConvertible {
    let url: String
    /// The server and the database, without user and password. Safe to log.
    package let description: String
    /// The server, the database and the session's options, which may name a schema. Without user and password.
    package let place: String
    /// The time limit for connecting, in seconds.
    let patience: Int

    /// - Throws: `PostgresError`. It quotes nothing of the text, because a password may stand anywhere in it.
    package init(_ url: String) throws(PostgresError) {
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") else {
            throw PostgresError(.unfit, "it does not begin with postgres:// or postgresql://")
        }
        var fault: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(url, &fault) else {
            PQfreemem(fault)
            throw PostgresError(
                .unfit,
                "libpq cannot read it: write it as postgres://user:password@host:5432/database, with %40 for @,"
                    + " %2F for / and %3A for : within the password"
            )
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        let host = values["host"] ?? values["hostaddr"] ?? ""
        // A password without percent-encoding may end up in these parts, which error messages show.
        let port = values["port"] ?? ""
        let isNumbers = port.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ",") }
        guard isNumbers, !host.contains("@"), values["dbname"]?.contains("@") != true else {
            throw PostgresError(
                .unfit,
                "its host, port or database cannot be read: write %40 for @, %2F for / and %3A for : within the password"
            )
        }
        self.url = url
        patience = values["connect_timeout"].flatMap { Int($0) }.map { min(max(1, $0), 60) } ?? 5
        let server = host.isEmpty ? "the local server" : host + (port.isEmpty ? "" : ":" + port)
        description = server + "/" + (values["dbname"] ?? "")
        place = [host, port.isEmpty ? "5432" : port, values["dbname"] ?? "", values["options"] ?? ""]
            .joined(separator: "\n")
    }
}
