import Foundation

/// Collects the elements of an SVG picture. All sizes are pixels.
struct SVGCanvas {
    enum Anchor: String {
        case start, middle, end
    }

    let width: Double
    let height: Double
    private var elements: [String] = []

    init(width: Double, height: Double) {
        self.width = width
        self.height = height
    }

    mutating func text(
        _ text: String,
        x: Double,
        y: Double,
        size: Double = 11,
        anchor: Anchor = .start,
        color: String = "#444",
        isBold: Bool = false
    ) {
        let escaped = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        elements.append(
            """
            <text x="\(Self.number(x))" y="\(Self.number(y))" font-size="\(Self.number(size))" fill="\(color)" \
            text-anchor="\(anchor.rawValue)"\(isBold ? " font-weight=\"bold\"" : "")>\(escaped)</text>
            """
        )
    }

    mutating func rectangle(x: Double, y: Double, width: Double, height: Double, fill: String, stroke: String? = nil) {
        elements.append(
            """
            <rect x="\(Self.number(x))" y="\(Self.number(y))" width="\(Self.number(width))" \
            height="\(Self.number(height))" fill="\(fill)"\(stroke.map { " stroke=\"\($0)\"" } ?? "")/>
            """
        )
    }

    mutating func line(_ points: [(x: Double, y: Double)], color: String, width: Double = 1, isDashed: Bool = false) {
        let places = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
        elements.append(
            """
            <polyline points="\(places)" fill="none" stroke="\(color)" stroke-width="\(Self.number(width))" \
            stroke-linejoin="round"\(isDashed ? " stroke-dasharray=\"4 3\"" : "")/>
            """
        )
    }

    func svg() -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="\(Self.number(width))" height="\(Self.number(height))" \
        viewBox="0 0 \(Self.number(width)) \(Self.number(height))" font-family="Helvetica, Arial, sans-serif">
        <rect width="100%" height="100%" fill="white"/>
        \(elements.joined(separator: "\n"))
        </svg>

        """
    }

    private static func number(_ value: Double) -> String {
        let rounded = (value * 10).rounded() / 10
        return rounded == rounded.rounded() ? String(Int(rounded)) : String(format: "%.1f", rounded)
    }
}

/// The places of a picture's panels, four in a row.
struct PanelGrid {
    static let columns = 4
    let panelWidth: Double
    let panelHeight: Double
    let top = 64.0

    func size(panels: Int, right: Double = 0) -> (width: Double, height: Double) {
        let rows = (panels + Self.columns - 1) / Self.columns
        return (Double(Self.columns) * panelWidth + right, top + Double(rows) * panelHeight)
    }

    func origin(_ panel: Int) -> (x: Double, y: Double) {
        (Double(panel % Self.columns) * panelWidth, top + Double(panel / Self.columns) * panelHeight)
    }
}

/// Maps a range of values to a range of positions.
struct PlotScale {
    let from: ClosedRange<Double>
    let start: Double
    let end: Double

    /// Values outside the range go to its nearer end.
    func callAsFunction(_ value: Double) -> Double {
        let clamped = min(max(value, from.lowerBound), from.upperBound)
        return start + (clamped - from.lowerBound) / (from.upperBound - from.lowerBound) * (end - start)
    }
}
