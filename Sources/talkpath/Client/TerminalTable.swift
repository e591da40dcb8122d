import Foundation

/// A table for people: columns as wide as their widest cell, a bold head, colours where the terminal has them.
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
            // What a server sends must not steer the terminal.
            self.text = String(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "·" : Character($0) }
            )
            self.colour = colour
        }
    }

    private let head: [String]
    private let hasColours: Bool
    private var rows: [[Cell]] = []

    init(_ head: [String], hasColours: Bool = TerminalColours.areWanted) {
        self.head = head
        self.hasColours = hasColours
    }

    mutating func add(_ cells: [Cell]) {
        rows.append(cells)
    }

    var text: String {
        let all = [head.map { Cell($0, .bold) }] + rows
        let widths = head.indices.map { column in all.map { $0[column].text.count }.max() ?? 0 }
        return all.map { row in
            let cells = row.enumerated().map { column, cell in
                let isLast = column == row.count - 1
                let padding = isLast ? "" : String(repeating: " ", count: widths[column] - cell.text.count + 2)
                return painted(cell) + padding
            }
            return cells.joined()
        }.joined(separator: "\n")
    }

    private func painted(_ cell: Cell) -> String {
        guard hasColours, cell.colour != .plain else { return cell.text }
        return "\u{1B}[\(cell.colour.rawValue)m\(cell.text)\u{1B}[0m"
    }
}
