/// Chooses the representation that a client prefers (RFC 9110, section 12.5.1).
enum MediaType {
    /// Returns the element of `offers` that `accept` prefers; of equal ones the first; `nil` if it accepts none.
    static func best(of offers: [String], for accept: String?) -> String? {
        guard let accept, !accept.allSatisfy({ $0 == " " }) else { return offers.first }
        let ranges = accept.split(separator: ",").compactMap(AcceptedRange.init)
        let rated = offers.map { offer in (offer: offer, quality: quality(of: offer, ranges)) }
        guard let most = rated.map(\.quality).max(), most > 0 else { return nil }
        return rated.first { $0.quality == most }?.offer
    }

    private struct AcceptedRange {
        var range: Substring
        var quality: Double

        init?(_ text: Substring) {
            let parts = text.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let range = parts.first, range.contains("/") else { return nil }
            self.range = Substring(range.lowercased())
            let parameter = parts.dropFirst().first { $0.lowercased().hasPrefix("q=") }
            quality = parameter.flatMap { Double($0.dropFirst(2)) }.map { min(max($0, 0), 1) } ?? 1
        }

        /// The precision with which the range matches the offer; `nil` if it does not match.
        func closeness(to offer: String) -> Int? {
            if range == offer { return 2 }
            if range.hasSuffix("/*"), offer.hasPrefix(range.dropLast()) { return 1 }
            return range == "*/*" ? 0 : nil
        }
    }

    private static func quality(of offer: String, _ ranges: [AcceptedRange]) -> Double {
        let fitting = ranges.compactMap { range in range.closeness(to: offer).map { (closeness: $0, range: range) } }
        guard let closest = fitting.map(\.closeness).max() else { return 0 }
        return fitting.filter { $0.closeness == closest }.map(\.range.quality).max() ?? 0
    }
}
