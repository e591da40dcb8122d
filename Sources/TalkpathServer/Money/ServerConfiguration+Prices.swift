import TalkpathCore
import TalkpathWire

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension ServerConfiguration {
    private static let largestPriceFile = 1 << 20

    /// Reads the prices: the file that the settings name, or the table that comes with the program.
    func priceTable() throws(ConfigurationError) -> PriceTable {
        guard let pricesPath else { return try Self.prices(PackageResources.prices_json) }
        guard let file = fopen(pricesPath, "rb") else {
            throw ConfigurationError([problem(.prices, "cannot be read: \(String(cString: strerror(errno)))")])
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: Self.largestPriceFile + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard count <= Self.largestPriceFile else {
            throw ConfigurationError([problem(.prices, "is larger than 1 MiB")])
        }
        return try Self.prices(Array(bytes.prefix(count)))
    }

    func priceProblems() -> [ConfigurationError.Problem] {
        do throws(ConfigurationError) {
            _ = try priceTable()
            return []
        } catch {
            return error.problems
        }
    }

    private static func prices(_ bytes: [UInt8]) throws(ConfigurationError) -> PriceTable {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw ConfigurationError([.init(Setting.prices.rawValue, "the file is not JSON: \(error.detail)")])
        }
        do {
            return try PriceTable(json)
        } catch {
            throw ConfigurationError([.init(Setting.prices.rawValue, error.sentence)])
        }
    }
}
