/// A value as an engine returns it.
enum StoreDatum: Equatable, Sendable {
    case null
    case integer(Int64)
    case text(String)
    case boolean(Bool)
}

/// A type that statements accept as an argument and that rows return.
protocol StoreValue: Sendable {
    var datum: StoreDatum { get }
    /// `nil` if the row holds another type.
    init?(_ datum: StoreDatum)
    /// The value for a column that should hold one and does not. A damaged row must not stop the program.
    static var absent: Self { get }
}

/// One row of a result, read by the names of its columns.
struct StoreRow: Sendable {
    /// The column names, shared by all rows of a result.
    final class Columns: Sendable {
        private let places: [String: Int]

        init(_ names: some Sequence<String>) {
            places = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
        }

        func place(of name: String) -> Int? { places[name] }
    }

    private let columns: Columns
    private let values: [StoreDatum]

    init(_ columns: Columns, _ values: [StoreDatum]) {
        self.columns = columns
        self.values = values
    }

    subscript<Value: StoreValue>(name: String) -> Value? {
        columns.place(of: name).flatMap { Value(values[$0]) }
    }

    subscript<Value: StoreValue>(name: String) -> Value {
        columns.place(of: name).flatMap { Value(values[$0]) } ?? .absent
    }

    func first<Value: StoreValue>() -> Value? { values.first.flatMap(Value.init) }
}

extension String: StoreValue {
    var datum: StoreDatum { .text(self) }
    init?(_ datum: StoreDatum) {
        guard case .text(let text) = datum else { return nil }
        self = text
    }
    static var absent: String { "" }
}

extension Int64: StoreValue {
    var datum: StoreDatum { .integer(self) }
    init?(_ datum: StoreDatum) {
        guard case .integer(let number) = datum else { return nil }
        self = number
    }
    static var absent: Int64 { 0 }
}

extension Int: StoreValue {
    var datum: StoreDatum { .integer(Int64(self)) }
    init?(_ datum: StoreDatum) {
        guard case .integer(let number) = datum else { return nil }
        self.init(exactly: number)
    }
    static var absent: Int { 0 }
}

extension Bool: StoreValue {
    var datum: StoreDatum { .boolean(self) }
    init?(_ datum: StoreDatum) {
        switch datum {
        case .boolean(let value): self = value
        case .integer(let number): self = number != 0
        case .null, .text: return nil
        }
    }
    static var absent: Bool { false }
}
