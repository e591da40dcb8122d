/// A share of a whole, exact to a ten-thousandth of a percent.
package struct Share: Sendable, Equatable {
    private let millionths: Int

    /// Everything.
    package static let whole = Share(millionths: 1_000_000)

    private init(millionths: Int) {
        self.millionths = millionths
    }

    /// - Parameter percent: digits such as `80` or `99.95`.
    /// - Returns: `nil` for other texts, and for more than 100.
    package init?(_ percent: some StringProtocol) {
        let parts = percent.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        let fraction = parts.count > 1 ? parts[1] : "0"
        guard let first = parts.first, (1...3).contains(first.utf8.count), (1...4).contains(fraction.utf8.count),
            (first + fraction).utf8.allSatisfy({ (0x30...0x39).contains($0) }), let whole = Int(first),
            let rest = Int(fraction + String(repeating: "0", count: 4 - fraction.utf8.count))
        else { return nil }
        guard whole * 10_000 + rest <= 1_000_000 else { return nil }
        millionths = whole * 10_000 + rest
    }

    /// The fewest of `count` that are at least this share.
    package func fewest(of count: Int) -> Int { (count * millionths + 999_999) / 1_000_000 }
}
