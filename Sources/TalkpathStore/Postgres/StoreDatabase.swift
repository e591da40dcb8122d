import TalkpathPostgres

/// Addresses of databases, before anything is opened.
package enum StoreDatabase {
    /// Why an address cannot be used; nil if it can. Quotes nothing of it: a password may stand anywhere.
    package static func fault(inAddress url: String) -> String? {
        do {
            _ = try PostgresAddress(url)
            return nil
        } catch {
            return error.message
        }
    }
}
