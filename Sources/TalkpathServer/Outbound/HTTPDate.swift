import TalkpathCore

extension WallTime {
    /// Reads an HTTP date (RFC 9110, section 5.6.7) in all three of its forms. `nil` for any other text.
    ///
    /// ```
    /// Sun, 06 Nov 1994 08:49:37 GMT     the one that is written today
    /// Sunday, 06-Nov-94 08:49:37 GMT    RFC 850's
    /// Sun Nov  6 08:49:37 1994          that of C's asctime
    /// ```
    init?(httpDate text: String) {
        // Only RFC 850's form has a minus, and only between words.
        guard !text.contains(" -"), !text.contains("- ") else { return nil }
        let words = text.split { $0 == " " || $0 == "," || $0 == "-" }
        let parts: (day: Substring, month: Substring, year: Substring, clock: Substring)
        switch words.count {
        case 6 where words[5] == "GMT": parts = (words[1], words[2], words[3], words[4])
        case 5 where !text.contains(","): parts = (words[2], words[1], words[4], words[3])
        default: return nil
        }
        let clock = parts.clock.split(separator: ":", omittingEmptySubsequences: false).compactMap { Int64($0) }
        guard let day = Int64(parts.day), var year = Int64(parts.year), clock.count == 3,
            let month = Self.months.firstIndex(of: parts.month).map({ Int64($0) + 1 }),
            (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        // Two digits, which only RFC 850's form has, mean this century or the end of the last one.
        if parts.year.utf8.count == 2 { year += year < 70 ? 2000 : 1900 }
        guard (1970...9999).contains(year) else { return nil }
        let days = Self.days(year: year, month: month, day: day)
        // A day that the month does not have would turn into another one.
        guard Self.civil(fromDays: days) == (year, month, day) else { return nil }
        self.init(milliseconds: (days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]) * 1000)
    }

    private static let months: [Substring] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
