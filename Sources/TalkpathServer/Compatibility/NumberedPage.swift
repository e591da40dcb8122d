import TalkpathAudio
import TalkpathCore

/// A page of a tenant's calls by its number, as the compatible lists have it.
struct NumberedPage {
    var calls: [CallSnapshot]
    /// The number of calls on all pages.
    var total: Int
    var number: Int
    var size: Int

    /// The most calls, newest first, that are sorted by a column that the store cannot sort by.
    private static let sortable = 10_000

    /// - Parameters:
    ///   - first: the number of the first page.
    ///   - column: the column to sort by; `nil` sorts from the newest to the oldest.
    ///   - isWhole: true if ended calls come with their transcripts.
    /// - Returns: `nil` if there is no such column.
    static func load(
        _ query: CallQuery,
        from directory: CallDirectory,
        number: Int,
        size: Int,
        first: Int,
        column: String?,
        ascending: Bool,
        isWhole: Bool
    ) async throws -> NumberedPage? {
        let offset = (number - first) * size
        var query = query
        query.order = ascending && column != nil ? .oldestFirst : .newestFirst
        guard let column, !CallColumn.isByStart(column) else {
            let page = try await directory.page(query, offset: offset, size: size, isWhole: isWhole)
            return NumberedPage(calls: page.calls, total: page.total, number: number, size: size)
        }
        query.order = .newestFirst
        let calls = try await directory.newest(query, limit: sortable)
        guard let sorted = CallColumn.sorted(calls, by: column, ascending: ascending) else { return nil }
        let page = Array(sorted.dropFirst(offset).prefix(size))
        return NumberedPage(
            calls: isWhole ? try await directory.whole(page) : page,
            total: calls.count,
            number: number,
            size: size
        )
    }

    func hasMore(first: Int) -> Bool { (number - first + 1) * size < total }
    /// At least 1.
    var pages: Int { max(1, (total + size - 1) / size) }
}

/// The columns by which the compatible lists can be sorted.
enum CallColumn {
    /// Returns `nil` if there is no such column.
    static func sorted(_ calls: [CallSnapshot], by column: String, ascending: Bool) -> [CallSnapshot]? {
        let key: (CallSnapshot) -> Key
        switch column {
        case "updated_at": key = { .number($0.updatedAt.milliseconds) }
        case "ended_at", "end_time": key = { .number($0.endedAt?.milliseconds ?? .max) }
        case "call_duration", "duration": key = { .number(Int64($0.talking.wholeMilliseconds)) }
        case "call_status", "status": key = { .text($0.status.rawValue) }
        case "call_from", "from_number", "from": key = { .text($0.from) }
        case "call_to", "to_number", "to": key = { .text($0.to) }
        case "call_direction", "direction": key = { .text($0.direction.rawValue) }
        case "ai_agent_id", "agent", "agent_id": key = { .text($0.agent.id ?? "") }
        case "id": key = { .text($0.id.text) }
        default: return nil
        }
        // Equal calls stay sorted from the newest to the oldest.
        let keyed = calls.enumerated().map { (place: $0.offset, key: key($0.element), call: $0.element) }
        return keyed.sorted { left, right in
            if left.key == right.key { return left.place < right.place }
            return ascending ? left.key < right.key : right.key < left.key
        }.map(\.call)
    }

    /// True if the store itself can sort by this column.
    static func isByStart(_ column: String) -> Bool {
        ["created_at", "started_at", "start_time"].contains(column)
    }

    private enum Key: Comparable {
        case number(Int64)
        case text(String)
    }
}
