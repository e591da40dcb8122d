import TalkpathAudio

/// Two plots for each engine: the pass-band enlarged and, below it, the whole range with images and aliases. The scale
/// of each is written below it.
struct ResponsePicture {
    let engines: [EngineQuality]

    private static let wanted = "#1259a8"
    private static let unwanted = "#c2410c"
    private static let grid = "#dddddd"

    func svg() -> String {
        guard let first = engines.first else { return "" }
        let panels = PanelGrid(panelWidth: 320, panelHeight: 344)
        let size = panels.size(panels: engines.count, right: 16)
        var canvas = SVGCanvas(width: size.width, height: size.height)
        canvas.text(
            "Resampling \(first.from) → \(first.to) Hz: what becomes of a tone",
            x: 16,
            y: 26,
            size: 18,
            color: "#111",
            isBold: true
        )
        canvas.text("Blue: level of the tone itself.", x: 16, y: 46, size: 12, color: Self.wanted)
        canvas.text(
            "Orange: the strongest \(first.from < first.to ? "image" : "alias") it causes.",
            x: 190,
            y: 46,
            size: 12,
            color: Self.unwanted
        )
        canvas.text(
            "Shaded: the telephone band, 300–3400 Hz. Levels in dB relative to the tone that went in.",
            x: 500,
            y: 46,
            size: 12
        )
        for (index, engine) in engines.enumerated() {
            let origin = panels.origin(index)
            draw(engine, x: origin.x, y: origin.y, &canvas)
        }
        return canvas.svg()
    }

    private func draw(_ engine: EngineQuality, x: Double, y: Double, _ canvas: inout SVGCanvas) {
        canvas.text(engine.engine.description, x: x + 44, y: y + 18, size: 13, color: "#111", isBold: true)
        let fixed = AudioBenchReport.fixed
        canvas.text(
            "ripple \(fixed(engine.ripple, 2)) dB · rejects \(fixed(engine.rejection, 0)) dB · "
                + "\(fixed(engine.latencyMilliseconds, 2)) ms late",
            x: x + 44,
            y: y + 34
        )
        let pass = engine.tones.filter { $0.frequency <= 4000 && $0.gain != nil }
        plot(
            Frame(
                x: PlotScale(from: 0...4000, start: x + 44, end: x + 304),
                y: PlotScale(from: -1...0.25, start: y + 116, end: y + 44),
                xTicks: [0, 1000, 2000, 3000, 4000],
                yTicks: [0, -0.5, -1]
            ),
            [(pass.map { ($0.frequency, $0.gain ?? -200) }, Self.wanted)],
            &canvas
        )
        canvas.text("pass-band, enlarged", x: x + 50, y: y + 112, size: 9, color: "#666")

        let nyquist = Double(engine.from) / 2
        let kilohertz = stride(from: 0, through: nyquist, by: nyquist > 8000 ? 4000 : nyquist > 4000 ? 2000 : 1000)
        let gains = engine.tones.compactMap { tone in tone.gain.map { (tone.frequency, $0) } }
        let folded = engine.tones.compactMap { tone in tone.folded.map { (tone.frequency, $0) } }
        plot(
            Frame(
                x: PlotScale(from: 0...nyquist, start: x + 44, end: x + 304),
                y: PlotScale(from: -130...5, start: y + 308, end: y + 152),
                xTicks: Array(kilohertz),
                yTicks: [0, -25, -50, -75, -100, -125]
            ),
            [(gains, Self.wanted), (folded, Self.unwanted)],
            &canvas
        )
        let stop = engine.from < engine.to ? "pass-band and images" : "pass-band and stop-band"
        canvas.text(stop, x: x + 255, y: y + 236, size: 9, anchor: .end, color: "#666")
        canvas.text("tone, kHz", x: x + 304, y: y + 335, size: 10, anchor: .end)
    }

    private struct Frame {
        var x: PlotScale
        var y: PlotScale
        var xTicks: [Double]
        var yTicks: [Double]
    }

    private func plot(_ frame: Frame, _ curves: [([(Double, Double)], String)], _ canvas: inout SVGCanvas) {
        let band = EngineQuality.bandEdges
        canvas.rectangle(
            x: frame.x(band.lowerBound),
            y: frame.y.end,
            width: frame.x(band.upperBound) - frame.x(band.lowerBound),
            height: frame.y.start - frame.y.end,
            fill: "#f1f5fb"
        )
        for tick in frame.yTicks {
            canvas.line([(frame.x.start, frame.y(tick)), (frame.x.end, frame.y(tick))], color: Self.grid)
            let label = tick == tick.rounded() ? "\(Int(tick))" : "\(tick)"
            canvas.text(label, x: frame.x.start - 5, y: frame.y(tick) + 4, size: 10, anchor: .end)
        }
        for tick in frame.xTicks {
            canvas.line([(frame.x(tick), frame.y.start), (frame.x(tick), frame.y.start + 4)], color: "#888")
            canvas.text("\(Int(tick / 1000))", x: frame.x(tick), y: frame.y.start + 15, size: 10, anchor: .middle)
        }
        canvas.line(
            [(frame.x.start, frame.y.end), (frame.x.start, frame.y.start), (frame.x.end, frame.y.start)],
            color: "#888"
        )
        for (points, color) in curves {
            // A curve that lies below the plot begins and ends where it crosses the lower edge.
            let visible = points.indices.filter { points[$0].1 >= frame.y.from.lowerBound }
            guard let first = visible.first, let last = visible.last else { continue }
            let inside = points[max(0, first - 1)...min(points.count - 1, last + 1)]
            canvas.line(inside.map { (frame.x($0.0), frame.y($0.1)) }, color: color, width: 1.6)
        }
    }
}
