import Foundation

/// A table for people: columns as wide as their widest cell, a bold head, and colours if the terminal has them.
///
/// The table fits the terminal without breaking a word. Empty columns are left out first, then the columns with the
/// lowest rank. The last column wraps.
struct TerminalTable {
    enum Colour: String {
        case plain = "0"
        case bold = "1"
        case faint = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    struct Cell {
        var text: String
        var colour = Colour.plain

        init(_ text: String, _ colour: Colour = .plain) {
            // Text from a server must not control the terminal.
            self.text = String(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "·" : Character($0) }
            )
            self.colour = colour
        }
    }

    struct Column: ExpressibleByStringLiteral {
        var title: String
        /// Columns with a lower rank are left out first; those with `nil` never.
        var rank: Int?

        init(_ title: String, rank: Int? = nil) {
            self.title = title
            self.rank = rank
        }

        init(stringLiteral title: String) { self.init(title) }
    }

    private let columns: [Column]
    private let hasColours: Bool
    private let width: Int
    private var rows: [[Cell]] = []

    init(_ columns: [Column], hasColours: Bool = TerminalColours.areWanted, width: Int = TerminalWidth.current) {
        self.columns = columns
        self.hasColours = hasColours
        self.width = width
    }

    mutating func add(_ cells: [Cell]) {
        rows.append(cells)
    }

    var text: String {
        let shown = shownColumns
        let all = [columns.map { Cell($0.title, .bold) }] + rows
        return all.flatMap { lines(of: $0, shown) }.joined(separator: "\n")
    }

    // MARK: Fitting

    private static let gap = 2

    private func widest(_ column: Int) -> Int {
        ([columns[column].title] + rows.map { $0[column].text }).map(\.count).max() ?? 0
    }

    /// The columns that are not empty and fit, in their order.
    private var shownColumns: [Int] {
        var shown = columns.indices.filter { column in
            rows.isEmpty || rows.contains { !$0[column].text.isEmpty }
        }
        while total(shown) > width,
            let lowest = shown.filter({ columns[$0].rank != nil }).min(by: { rank($0) < rank($1) })
        {
            shown.removeAll { $0 == lowest }
        }
        return shown
    }

    private func rank(_ column: Int) -> Int { columns[column].rank ?? .max }

    /// The width of a row; a last column that wraps counts with the width that it keeps at least.
    private func total(_ shown: [Int]) -> Int {
        shown.map { column in
            let isWrapping = column == shown.last && columns[column].rank == nil
            return isWrapping ? min(widest(column), Self.narrowest) : widest(column)
        }.reduce(0, +) + Self.gap * max(0, shown.count - 1)
    }

    /// The width that a wrapping column keeps at least.
    private static let narrowest = 24

    // MARK: Writing

    private func lines(of row: [Cell], _ shown: [Int]) -> [String] {
        guard let last = shown.last else { return [] }
        let before = shown.dropLast().map { column in
            let cell = row[column]
            return (painted(cell), String(repeating: " ", count: widest(column) - cell.text.count + Self.gap))
        }
        let indent = shown.dropLast().map { widest($0) + Self.gap }.reduce(0, +)
        let pieces = TextWrapping.lines(of: row[last].text, width: max(Self.narrowest, width - indent))
        return pieces.enumerated().map { index, piece in
            let head = index == 0 ? before.map { $0 + $1 }.joined() : String(repeating: " ", count: indent)
            return head + painted(Cell(piece, row[last].colour))
        }
    }

    private func painted(_ cell: Cell) -> String {
        guard hasColours, cell.colour != .plain, !cell.text.isEmpty else { return cell.text }
        return "\u{1B}[\(cell.colour.rawValue)m\(cell.text)\u{1B}[0m"
    }
}
