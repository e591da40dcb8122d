public import TalkpathWire

/// An amount in US dollars, exact to the millionth of a millionth. Sums and products saturate.
public struct Money: Hashable, Comparable, Sendable {
    /// In millionths of a millionth of a dollar.
    package let trillionths: Int

    public static let zero = Money(trillionths: 0)

    package init(trillionths: Int) {
        self.trillionths = trillionths
    }

    public static func < (left: Money, right: Money) -> Bool { left.trillionths < right.trillionths }

    public static func + (left: Money, right: Money) -> Money {
        let (sum, isTooLarge) = left.trillionths.addingReportingOverflow(right.trillionths)
        return Money(trillionths: isTooLarge ? .max : sum)
    }

    /// The nearest double, for metrics.
    public var dollars: Double { Double(trillionths) / 1e12 }

    /// In decimal digits, without zeros at the end: `0.0183`.
    public var decimal: String {
        let (whole, rest) = trillionths.quotientAndRemainder(dividingBy: 1_000_000_000_000)
        guard rest != 0 else { return "\(whole)" }
        var digits = String(rest)
        digits = String(repeating: "0", count: 12 - digits.count) + digits
        while digits.last == "0" { digits.removeLast() }
        return "\(whole).\(digits)"
    }

    /// The exact amount as a number in JSON.
    public var json: JSONValue { (try? JSONValue(parsing: Array(decimal.utf8))) ?? .null }
}

/// The price of a unit in US dollars, exact to the millionth: from 0 to 1,000,000.
public struct Price: Hashable, Sendable {
    package let millionths: Int

    package init?(millionths: Int) {
        guard (0...1_000_000_000_000).contains(millionths) else { return nil }
        self.millionths = millionths
    }

    /// - Returns: `nil` unless the text is a decimal number without a sign or an exponent, with six digits at most behind
    ///   the point.
    public init?(decimal text: String) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, (1...7).contains(first.utf8.count), parts.allSatisfy(Self.isDigits) else {
            return nil
        }
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        guard fraction.utf8.count <= 6, let whole = Int(first),
            let rest = Int(fraction + String(repeating: "0", count: 6 - fraction.utf8.count))
        else { return nil }
        self.init(millionths: whole * 1_000_000 + rest)
    }

    private static func isDigits(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// The exact price as a number in JSON.
    public var json: JSONValue { Money(trillionths: millionths * 1_000_000).json }

    /// For a price of a million units.
    func ofMillionth(_ units: Int) -> Money { Money(trillionths: Self.product(millionths, units)) }

    /// For a price of a whole unit.
    func of(_ units: Int) -> Money { Money(trillionths: Self.product(Self.product(millionths, units), 1_000_000)) }

    /// For a price of a minute. Rounded to the millionth of a millionth.
    func of(milliseconds: Int) -> Money {
        let hundred = Self.product(Self.product(millionths, milliseconds), 100)
        return Money(trillionths: hundred == .max ? .max : (hundred + 3) / 6)
    }

    private static func product(_ left: Int, _ right: Int) -> Int {
        let (product, isTooLarge) = left.multipliedReportingOverflow(by: right)
        return isTooLarge ? .max : product
    }
}
