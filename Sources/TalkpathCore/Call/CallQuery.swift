import TalkpathWire

/// A selection of ended calls. Members that are `nil` or empty select nothing.
public struct CallQuery: Equatable, Sendable {
    public var tenant: String?
    /// The stored profile they were led with.
    public var agentID: String?
    public var statuses: Set<CallStatus> = []
    public var direction: CallDirection?
    /// As they stand in the record, whole.
    public var from: String?
    public var to: String?
    /// Part of an identifier, a number, the agent's model or a text in the metadata. Upper and lower case of ASCII are
    /// the same.
    public var search: String?
    /// Started at or after this.
    public var since: WallTime?
    /// Started before this.
    public var until: WallTime?
    /// By the start; calls of the same millisecond by their names.
    public var order = Order.newestFirst
    public var limit = 100
    /// Left out of those that match. For pages by number; a cursor is quicker, and does not slip when calls are added.
    public var offset = 0
    /// The end of the page before.
    public var cursor: CallCursor?

    public enum Order: Sendable {
        case newestFirst, oldestFirst
    }

    public init() {}
}

/// A place in a list of calls.
public struct CallCursor: Hashable, Sendable {
    public var startedAt: WallTime
    public var id: CallID

    public init(startedAt: WallTime, id: CallID) {
        self.startedAt = startedAt
        self.id = id
    }

    init(after call: CallSnapshot) {
        self.init(startedAt: call.startedAt, id: call.id)
    }

    /// Fit for a URL as long as the call's name is: hand it out as it stands and take it back by ``init(text:)``.
    public var text: String { "\(startedAt.milliseconds)_\(id.text)" }

    /// - Returns: nil for a text that ``text`` never produced.
    public init?(text: String) {
        let parts = text.split(separator: "_", maxSplits: 1)
        guard parts.count == 2, let milliseconds = Int64(parts[0]) else { return nil }
        self.init(startedAt: WallTime(milliseconds: milliseconds), id: CallID(String(parts[1])))
    }
}

/// A part of a list of calls.
public struct CallPage: Equatable, Sendable {
    public var calls: [CallSnapshot]
    /// The beginning of the next page; `nil` if there is none.
    public var next: CallCursor?

    public init(calls: [CallSnapshot], next: CallCursor?) {
        self.calls = calls
        self.next = next
    }

    /// - Parameter calls: one more than the limit, if there are that many.
    package init(calls: [CallSnapshot], limit: Int) {
        self.calls = Array(calls.prefix(limit))
        next = calls.count > limit ? self.calls.last.map(CallCursor.init(after:)) : nil
    }
}

extension CallQuery {
    /// True if the call is one of those asked for, wherever the page begins.
    public func matches(_ call: CallSnapshot) -> Bool {
        guard tenant == nil || call.tenant == tenant, agentID == nil || call.agent.id == agentID,
            statuses.isEmpty || statuses.contains(call.status), direction == nil || call.direction == direction,
            from == nil || call.from == from, to == nil || call.to == to
        else { return false }
        if let since, call.startedAt < since { return false }
        if let until, call.startedAt >= until { return false }
        guard let search else { return true }
        return call.searchText.contains(CallSnapshot.folded(search))
    }

    /// The page of these calls that the query asks for: ended calls, in the query's order, without their transcripts. For
    /// stores that can go through all of their calls; a database does this better by an index.
    public func page(of calls: some Sequence<CallSnapshot>) -> CallPage {
        let limit = min(max(0, limit), Int.max - 1)
        let found = calls.filter { $0.endedAt != nil && matches($0) && isOnPage($0) }
            .sorted { precedes(CallCursor(after: $0), CallCursor(after: $1)) }
            .dropFirst(max(0, offset)).prefix(limit + 1)
        return CallPage(calls: found.map(\.withoutTranscript), limit: limit)
    }

    /// The number of these calls on all pages together: as ``CallStore/count(matching:)``.
    public func count(of calls: some Sequence<CallSnapshot>) -> Int {
        calls.count { $0.endedAt != nil && matches($0) }
    }

    /// True if the call comes after the cursor.
    func isOnPage(_ call: CallSnapshot) -> Bool {
        guard let cursor else { return true }
        return precedes(cursor, CallCursor(after: call))
    }

    func precedes(_ left: CallCursor, _ right: CallCursor) -> Bool {
        let isOlder = (left.startedAt.milliseconds, left.id.text) < (right.startedAt.milliseconds, right.id.text)
        return switch order {
        case .newestFirst: !isOlder && left != right
        case .oldestFirst: isOlder
        }
    }
}

extension CallSnapshot {
    fileprivate var withoutTranscript: CallSnapshot {
        var call = self
        call.transcript = []
        return call
    }

    /// The text that ``CallQuery/search`` searches, in lower case.
    package var searchText: String {
        let texts = metadata.sorted { $0.key < $1.key }.flatMap { $0.value.texts }
        let fields = [id.text, carrierCallID, from, to, agent.id, agent.model].compactMap(\.self) + texts
        return Self.folded(fields.joined(separator: "\n"))
    }

    /// Only ASCII's letters, so that every store finds the same.
    package static func folded(_ text: String) -> String {
        let bytes = text.utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension JSONValue {
    /// All texts and numbers in it.
    fileprivate var texts: [String] {
        switch self {
        case .null, .bool: []
        case .number(let number): [number.text]
        case .string(let text): [text]
        case .array(let elements): elements.flatMap(\.texts)
        case .object(let members): members.flatMap(\.value.texts)
        }
    }
}
