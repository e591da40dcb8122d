#if os(Linux)
import Foundation
import TalkpathSimulators

/// The load bench's figures as one self-contained page: curves over the number of calls, and the table.
///
/// The page follows the reader's setting for light or dark.
struct LoadPage {
    private let report: LoadReport

    init(_ report: LoadReport) {
        self.report = report
    }

    func html() -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Talkpath under load</title>
        <style>\(Self.style)</style>
        </head>
        <body>
        <h1>Talkpath under load</h1>
        <p>\(Self.escaped(report.shape)).<br>\(Self.escaped(report.place)); \(report.seconds.formatted(0)) s each.</p>
        <div class="charts">
        \(charts.map { "<figure>\($0.svg())</figure>" }.joined(separator: "\n"))
        </div>
        \(table)
        \(report.remarks.map { "<p class=\"remark\">\(Self.escaped($0))</p>" }.joined(separator: "\n"))
        <p class="note">Milliseconds, unless it says otherwise. The round trip holds what the filters hold back
        (\((report.stages.first?.metrics.filterMilliseconds ?? 0).formatted(2)) ms). Work is the bridge's processor time
        for a second of one call. Share is that of one processor: the bridge's, and the fleet's own.</p>
        </body>
        </html>
        """
    }

    // MARK: Curves

    private var charts: [LoadChart] {
        let stages = report.stages
        func points(_ value: (LoadStage.Result) -> Double?) -> [LoadChart.Point] {
            stages.compactMap { stage in value(stage).map { LoadChart.Point(x: Double(stage.metrics.calls), y: $0) } }
        }
        return [
            LoadChart(
                title: "Round trip, ms",
                curves: [
                    .init(name: "p50", style: 1, points: points { $0.metrics.roundTrip?.p50 }),
                    .init(name: "p99", style: 2, points: points { $0.metrics.roundTrip?.p99 }),
                    .init(name: "max", style: 3, points: points { $0.metrics.roundTrip?.maximum }),
                ],
                limit: LoadStage.longestRoundTrip
            ),
            LoadChart(
                title: "One way, p99, ms",
                curves: [
                    .init(name: "up", style: 1, points: points { $0.metrics.up?.p99 }),
                    .init(name: "down", style: 2, points: points { $0.metrics.down?.p99 }),
                ]
            ),
            LoadChart(
                title: "Processor time a call-second, ms",
                curves: [.init(name: "bridge", style: 1, points: points { $0.workPerCallSecond })]
            ),
            LoadChart(
                title: "Share of a processor, %",
                curves: [
                    .init(name: "bridge", style: 1, points: points { $0.bridgeShare.map { $0 * 100 } }),
                    .init(name: "fleet", style: 3, points: points { $0.metrics.fleetShare * 100 }),
                ],
                limit: 100
            ),
        ].filter(\.hasPoints)
    }

    // MARK: Table

    private var table: String {
        let heads = LoadReport.heads.map { "<th>\(Self.escaped($0))</th>" }.joined()
        let rows = report.stages.map { stage in
            let cells = LoadReport.cells(stage).map { "<td>\(Self.escaped($0))</td>" }.joined()
            return "<tr\(stage.isSustained ? "" : " class=\"bad\"")>\(cells)</tr>"
        }
        return "<div class=\"wide\"><table><tr>\(heads)</tr>\(rows.joined(separator: "\n"))</table></div>"
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    private static let style = """
        :root { color-scheme: light dark; --ground: #fff; --ink: #1c1e21; --faint: #667; --grid: #dde; --bad: #b3261e;
          --one: #0b62c4; --two: #c2410c; --three: #6d28d9; }
        @media (prefers-color-scheme: dark) { :root { --ground: #14161a; --ink: #e8eaed; --faint: #a3a9b5;
          --grid: #333944; --bad: #ff8a80; --one: #6db3ff; --two: #ffab70; --three: #c4a1ff; } }
        body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, Helvetica, Arial, sans-serif;
          margin: 2rem auto; max-width: 74rem; padding: 0 1rem; }
        h1 { font-size: 1.5rem; margin: 0; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; }
        figure { margin: 0; }
        svg { width: 100%; height: auto; font: 12px system-ui, Helvetica, Arial, sans-serif; }
        svg text { fill: var(--faint); } svg text.title { fill: var(--ink); font-size: 14px; font-weight: 600; }
        svg .grid { stroke: var(--grid); } svg .limit { stroke: var(--bad); stroke-dasharray: 5 4; }
        svg .curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
        svg .c1 { stroke: var(--one); } svg .c2 { stroke: var(--two); } svg .c3 { stroke: var(--three); }
        svg .d1, svg text.d1 { fill: var(--one); } svg .d2, svg text.d2 { fill: var(--two); }
        svg .d3, svg text.d3 { fill: var(--three); }
        .wide { overflow-x: auto; margin-top: 1.5rem; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; white-space: nowrap; }
        th, td { text-align: right; padding: 0.25rem 0.4rem; border-bottom: 1px solid var(--grid); }
        th { color: var(--faint); font-weight: 600; }
        tr.bad td, .remark { color: var(--bad); }
        .note { color: var(--faint); font-size: 13px; }
        """
}

/// A few curves over the number of calls.
struct LoadChart {
    struct Point {
        var x: Double
        var y: Double
    }

    struct Curve {
        var name: String
        /// The number of the page's colour.
        var style: Int
        var points: [Point]
    }

    var title: String
    var curves: [Curve]
    /// A limit line. It is drawn if a curve comes near it.
    var limit: Double?

    var hasPoints: Bool { curves.contains { !$0.points.isEmpty } }

    private static let (width, height) = (460.0, 260.0)
    private static let (left, right, top, bottom) = (46.0, 56.0, 34.0, 34.0)

    func svg() -> String {
        let points = curves.flatMap(\.points)
        let xs = Self.ticks(to: points.map(\.x).max() ?? 1)
        var highest = points.map(\.y).max() ?? 1
        if let limit, highest > limit / 4 { highest = max(highest, limit) }
        let ys = Self.ticks(to: highest)
        let (xEnd, yEnd) = (max(xs.last ?? 1, points.map(\.x).max() ?? 1), max(ys.last ?? 1, highest))
        func place(_ point: Point) -> (x: Double, y: Double) {
            (
                Self.left + point.x / xEnd * (Self.width - Self.left - Self.right),
                Self.height - Self.bottom - point.y / yEnd * (Self.height - Self.top - Self.bottom)
            )
        }
        var parts = [Self.text(title, x: Self.left - 36, y: 16, kind: "title")]
        for y in ys {
            let at = place(Point(x: 0, y: y))
            parts.append(Self.line(from: at, to: (Self.width - Self.right, at.y), kind: "grid"))
            parts.append(Self.text(Self.label(y), x: Self.left - 6, y: at.y + 4, anchor: "end"))
        }
        for x in xs {
            let at = place(Point(x: x, y: 0))
            parts.append(Self.text(Self.label(x), x: at.x, y: Self.height - 16, anchor: "middle"))
        }
        parts.append(Self.text("calls", x: Self.width - 4, y: Self.height - 16, anchor: "end"))
        if let limit, limit <= yEnd {
            let at = place(Point(x: 0, y: limit))
            parts.append(Self.line(from: at, to: (Self.width - Self.right, at.y), kind: "limit"))
        }
        var labels: [Double] = []
        for curve in curves where !curve.points.isEmpty {
            let places = curve.points.map(place)
            let path = places.map { "\($0.x.formatted(1)),\($0.y.formatted(1))" }.joined(separator: " ")
            parts.append("<polyline class=\"curve c\(curve.style)\" points=\"\(path)\"/>")
            parts += places.map {
                "<circle class=\"d\(curve.style)\" r=\"3\" cx=\"\($0.x.formatted(1))\" cy=\"\($0.y.formatted(1))\"/>"
            }
            // Names stand beside the ends of their curves, one above the other if the ends meet.
            var y = (places.last?.y ?? 0) + 4
            while let near = labels.first(where: { abs($0 - y) < 13 }) { y = near - 13 }
            labels.append(y)
            parts.append(Self.text(curve.name, x: (places.last?.x ?? 0) + 8, y: y, kind: "d\(curve.style)"))
        }
        return "<svg viewBox=\"0 0 \(Self.label(Self.width)) \(Self.label(Self.height))\" role=\"img\" "
            + "aria-label=\"\(LoadPage.escaped(title))\">\(parts.joined())</svg>"
    }

    /// Returns round numbers from 0 to `end` or beyond.
    private static func ticks(to end: Double) -> [Double] {
        guard end > 0, end.isFinite else { return [0, 1] }
        var step = 0.001
        let factors = [2.0, 2.5, 2.0]
        var index = 0
        while end / step > 5 {
            step *= factors[index % 3]
            index += 1
        }
        let count = Int((end / step).rounded(.up))
        return (0...count).map { Double($0) * step }
    }

    private static func label(_ value: Double) -> String {
        value == value.rounded() ? "\(Int(value))" : "\((value * 1000).rounded() / 1000)"
    }

    private static func text(
        _ text: String,
        x: Double,
        y: Double,
        kind: String = "",
        anchor: String = "start"
    ) -> String {
        "<text class=\"\(kind)\" x=\"\(x.formatted(1))\" y=\"\(y.formatted(1))\" text-anchor=\"\(anchor)\">"
            + "\(LoadPage.escaped(text))</text>"
    }

    private static func line(from start: (x: Double, y: Double), to end: (x: Double, y: Double), kind: String) -> String
    {
        "<line class=\"\(kind)\" x1=\"\(start.x.formatted(1))\" y1=\"\(start.y.formatted(1))\" "
            + "x2=\"\(end.x.formatted(1))\" y2=\"\(end.y.formatted(1))\"/>"
    }
}
#endif
