import CPostgres

/// Where a database is, as libpq's connection strings say it: `postgres://user@host/database?sslmode=verify-full`.
///
/// The password may stand in it, in `PGPASSWORD` or in libpq's password file; so may everything else that libpq reads.
package struct PostgresAddress: Equatable, Sendable, CustomStringConvertible {
    let url: String
    /// The server and the database, without the user and without the password.
    package let description: String
    /// How long it may take to be connected, in seconds.
    let patience: Int

    /// - Throws: `PostgresError`, which quotes nothing of the text: a password may stand anywhere in it.
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
        // A password that is not quoted may end up in any of these, which errors name.
        let port = values["port"] ?? ""
        let isNumbers = port.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ",") }
        guard isNumbers, !host.contains("@"), values["dbname"]?.contains("@") != true else {
            throw PostgresError(
                .unfit,
                "its host, port or database is none: write %40 for @, %2F for / and %3A for : within the password"
            )
        }
        self.url = url
        patience = values["connect_timeout"].flatMap { Int($0) }.map { min(max(1, $0), 60) } ?? 5
        let server = host.isEmpty ? "the local server" : host + (port.isEmpty ? "" : ":" + port)
        description = server + "/" + (values["dbname"] ?? "")
    }
}
