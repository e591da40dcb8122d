import TalkpathPostgres

/// Checks of database addresses, before anything is opened.
package enum StoreDatabase {
    /// Returns why an address cannot be used; `nil` if it can. The text quotes nothing of the address, because a
    /// password may stand anywhere in it.
    package static func fault(inAddress url: String) -> String? {
        do {
            _ = try PostgresAddress(url)
            return nil
        } catch {
            return error.message
        }
    }

    /// The server, the database and the session's options, by which one schema is told from another. The same for all
    /// users. `nil` for an address that cannot be used.
    package static func place(ofAddress url: String) -> String? { try? PostgresAddress(url).place }
}
