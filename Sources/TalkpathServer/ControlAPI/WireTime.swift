import TalkpathCore

extension WallTime {
    /// RFC 3339 with milliseconds, in UTC: `2026-03-01T12:00:00.250Z`.
    var rfc3339: String {
        let (days, inDay) = milliseconds.flooredDivision(by: 86_400_000)
        let (year, month, day) = Self.civil(fromDays: days)
        let (seconds, fraction) = inDay.flooredDivision(by: 1000)
        let date = "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
        let clock = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { Self.padded($0, 2) }
        return "\(date)T\(clock.joined(separator: ":")).\(Self.padded(fraction, 3))Z"
    }

    /// Reads RFC 3339: with `T` or a space, with or without a fraction, with `Z` or an offset. `nil` for any other
    /// text.
    init?(rfc3339 text: String) {
        guard let match = text.wholeMatch(of: Self.form) else { return nil }
        let numbers = [match.1, match.2, match.3, match.4, match.5, match.6].compactMap { Int64($0) }
        guard numbers.count == 6, (1...12).contains(numbers[1]), numbers[3] < 24, numbers[4] < 60, numbers[5] <= 60
        else { return nil }
        let days = Self.days(year: numbers[0], month: numbers[1], day: numbers[2])
        // A day that the month does not have would turn into another one.
        guard Self.civil(fromDays: days) == (numbers[0], numbers[1], numbers[2]) else { return nil }
        guard let offset = Self.offsetMinutes(match.8) else { return nil }
        let seconds = days * 86_400 + numbers[3] * 3600 + (numbers[4] - offset) * 60 + numbers[5]
        let fraction = (match.7 ?? ".0").dropFirst().prefix(3)
        let scale: Int64 = fraction.count == 1 ? 100 : fraction.count == 2 ? 10 : 1
        self.init(milliseconds: seconds * 1000 + (Int64(fraction) ?? 0) * scale)
    }

    private static var form:
        Regex<(Substring, Substring, Substring, Substring, Substring, Substring, Substring, Substring?, Substring)>
    {
        /([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})/
    }

    private static func offsetMinutes(_ text: Substring) -> Int64? {
        guard let sign = text.first, sign == "+" || sign == "-" else { return 0 }
        let parts = text.dropFirst().split(separator: ":").compactMap { Int64($0) }
        guard parts.count == 2, parts[0] < 24, parts[1] < 60 else { return nil }
        return (sign == "-" ? -1 : 1) * (parts[0] * 60 + parts[1])
    }

    /// The inverse of ``civil(fromDays:)``.
    static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = shifted.flooredDivision(by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The proleptic Gregorian date of a day counted from 1970-01-01. Counts in eras of 400 years that begin on 1
    /// March, so that the leap day is the last day of its year.
    static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = (days + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        return (yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0), civilMonth, day)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
