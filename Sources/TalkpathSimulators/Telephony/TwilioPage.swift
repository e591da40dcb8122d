internal import Foundation
internal import TalkpathWire

/// A page of a list, as the REST interface deals them out.
struct TwilioPage {
    private let query: FormFields
    private let path: String
    private let size: Int
    private let number: Int
    /// The SID of the last entry of the page before.
    private let token: String?

    init(_ exchange: SimulatorExchange) throws(RESTError) {
        query = exchange.query
        path = exchange.path
        size = try Self.number(query, "PageSize", 1...1000) ?? 50
        number = try Self.number(query, "Page", 0...Int.max) ?? 0
        token = query["PageToken"]
    }

    private static func number(
        _ query: FormFields,
        _ name: String,
        _ range: ClosedRange<Int>
    ) throws(RESTError) -> Int? {
        guard let text = query[name] else { return nil }
        guard let value = Int(text), range.contains(value) else { throw .invalid(20001, "Invalid \(name): \(text)") }
        return value
    }

    /// - Parameter entries: all that the filters let through, newest first.
    func answer(_ name: String, _ entries: [JSONValue]) throws(RESTError) -> FakeTwilio.Answer {
        var start = number * size
        if let token {
            // `PA` and the SID, so that entries that come meanwhile move nothing.
            guard let last = entries.firstIndex(where: { $0["sid"]?.string == String(token.dropFirst(2)) }) else {
                throw .invalid(20001, "Invalid PageToken: \(token)")
            }
            start = last + 1
        }
        let page = entries.dropFirst(start).prefix(size)
        let hasMore = start + page.count < entries.count
        let next = hasMore ? page.last?["sid"]?.string.map { uri(page: number + 1, after: $0) } : nil
        return FakeTwilio.Answer(
            status: 200,
            body: .object([
                (name, .array(Array(page))), ("page", JSONValue(number)), ("page_size", JSONValue(size)),
                ("start", JSONValue(start)), ("end", JSONValue(max(start, start + page.count - 1))),
                ("uri", .string(uri(page: number, after: token.map { String($0.dropFirst(2)) }))),
                ("first_page_uri", .string(uri(page: 0, after: nil))),
                ("next_page_uri", next.map { .string($0) } ?? nil),
                ("previous_page_uri", number > 0 ? .string(uri(page: number - 1, after: nil)) : nil),
            ])
        )
    }

    private func uri(page: Int, after last: String?) -> String {
        var fields = FormFields()
        for field in query.fields where !["PageSize", "Page", "PageToken"].contains(field.name) {
            fields.append(field.name, field.value)
        }
        fields.append("PageSize", String(size))
        fields.append("Page", String(page))
        if let last { fields.append("PageToken", "PA" + last) }
        return path + "?" + fields.encoded
    }

    /// Lets through what lies on the right side of the instants that the query names for a member: `StartTime`,
    /// `StartTime<` and `StartTime>`, each with a day or an instant.
    static func holds(_ query: FormFields, _ name: String, _ date: Date?) throws(RESTError) -> Bool {
        for field in query.fields where field.name.hasPrefix(name) {
            let sign = field.name.dropFirst(name.count)
            guard ["", "<", ">"].contains(sign) else { continue }
            guard let (start, end) = span(field.value) else {
                throw .invalid(20001, "Invalid \(field.name): \(field.value)")
            }
            guard let date else { return false }
            let holds = sign == "<" ? date < end : sign == ">" ? date >= start : (start..<end).contains(date)
            if !holds { return false }
        }
        return true
    }

    /// A whole day, or a second.
    private static func span(_ text: String) -> (Date, Date)? {
        if let day = try? Date(text, strategy: .iso8601.year().month().day()) { return (day, day + 86_400) }
        guard let instant = try? Date(text, strategy: .iso8601) else { return nil }
        return (instant, instant + 1)
    }
}
