import TalkpathAudio

/// A map for each engine: the input tone's frequency across, the output's frequencies upwards. An ideal engine shows
/// one diagonal line only.
struct AliasMapPicture {
    let engines: [EngineQuality]

    private static let floor = -115.0
    private static let step = 5.0

    func svg() -> String {
        guard let first = engines.first else { return "" }
        let panels = PanelGrid(panelWidth: 300, panelHeight: 312)
        let size = panels.size(panels: engines.count, right: 90)
        var canvas = SVGCanvas(width: size.width, height: size.height)
        canvas.text(
            "Resampling \(first.from) → \(first.to) Hz: a tone goes in (across), what comes out (upwards)?",
            x: 16,
            y: 26,
            size: 18,
            color: "#111",
            isBold: true
        )
        canvas.text(
            "The diagonal is the tone itself; every other line is an image or an alias. White: below "
                + "\(Int(Self.floor)) dB, the floor of 16 bits.",
            x: 16,
            y: 46,
            size: 12
        )
        for (index, engine) in engines.enumerated() {
            let origin = panels.origin(index)
            draw(engine, x: origin.x, y: origin.y, &canvas)
        }
        drawScale(x: size.width - 80, y: 80, &canvas)
        return canvas.svg()
    }

    private func draw(_ engine: EngineQuality, x: Double, y: Double, _ canvas: inout SVGCanvas) {
        canvas.text(engine.engine.description, x: x + 44, y: y + 18, size: 13, color: "#111", isBold: true)
        let across = PlotScale(from: 0...Double(engine.from) / 2, start: x + 44, end: x + 284)
        let upwards = PlotScale(from: 0...Double(engine.to) / 2, start: y + 272, end: y + 44)
        let cellHeight = (upwards.start - upwards.end) / Double(EngineQuality.cellCount)
        let toneWidth = (across.end - across.start) / Double(engine.tones.count)
        for (index, tone) in engine.tones.enumerated() {
            for run in Self.runs(tone.cells) {
                canvas.rectangle(
                    x: across.start + Double(index) * toneWidth,
                    y: upwards.start - Double(run.cells.upperBound) * cellHeight,
                    // A little overlap hides the seams that smoothing would show.
                    width: toneWidth + 0.3,
                    height: Double(run.cells.count) * cellHeight + 0.2,
                    fill: Self.color(step: run.step)
                )
            }
        }
        canvas.line(
            [(across.start, upwards.end), (across.start, upwards.start), (across.end, upwards.start)],
            color: "#888"
        )
        for tick in Self.ticks(Double(engine.from) / 2) {
            canvas.line([(across(tick), upwards.start), (across(tick), upwards.start + 4)], color: "#888")
            canvas.text("\(Int(tick / 1000))", x: across(tick), y: upwards.start + 15, size: 10, anchor: .middle)
        }
        for tick in Self.ticks(Double(engine.to) / 2) {
            canvas.line([(across.start - 4, upwards(tick)), (across.start, upwards(tick))], color: "#888")
            canvas.text("\(Int(tick / 1000))", x: across.start - 7, y: upwards(tick) + 4, size: 10, anchor: .end)
        }
        canvas.text("in, kHz", x: across.end, y: upwards.start + 28, size: 10, anchor: .end)
        canvas.text("out, kHz", x: across.start - 20, y: upwards.end - 10, size: 10)
    }

    private static func ticks(_ nyquist: Double) -> [Double] {
        Array(stride(from: 0, through: nyquist, by: nyquist > 8000 ? 4000 : nyquist > 4000 ? 2000 : 1000))
    }

    /// Groups neighbouring cells of the same colour. Cells below the floor are left out.
    private static func runs(_ cells: [Double]) -> [(cells: Range<Int>, step: Int)] {
        var runs: [(cells: Range<Int>, step: Int)] = []
        for (index, level) in cells.enumerated() where level > floor {
            let step = min(Int(-floor / step), Int((level - floor) / step))
            if let last = runs.last, last.cells.upperBound == index, last.step == step {
                runs[runs.count - 1].cells = last.cells.lowerBound..<index + 1
            } else {
                runs.append((index..<index + 1, step))
            }
        }
        return runs
    }

    /// Colours from pale yellow over red to near black. A stronger level is darker, also in print without colours.
    private static func color(step: Int) -> String {
        let stops: [(Double, Double, Double)] = [
            (255, 244, 200), (253, 174, 97), (215, 48, 39), (110, 1, 80), (20, 0, 40),
        ]
        let place = Double(step) / (-floor / Self.step) * Double(stops.count - 1)
        let lower = min(stops.count - 2, Int(place))
        let part = place - Double(lower)
        let (a, b) = (stops[lower], stops[lower + 1])
        func mix(_ from: Double, _ to: Double) -> Int { Int(from + (to - from) * part) }
        return "rgb(\(mix(a.0, b.0)),\(mix(a.1, b.1)),\(mix(a.2, b.2)))"
    }

    private func drawScale(x: Double, y: Double, _ canvas: inout SVGCanvas) {
        let steps = Int(-Self.floor / Self.step)
        let height = 11.0
        canvas.text("dB", x: x, y: y - 8, size: 11)
        for step in 0...steps {
            let top = y + Double(steps - step) * height
            canvas.rectangle(x: x, y: top, width: 16, height: height + 0.3, fill: Self.color(step: step))
            if step % 5 == 3 || step == 0 {
                let level = Int(Self.floor + Double(step) * Self.step)
                canvas.text("\(level)", x: x + 22, y: top + height, size: 10)
            }
        }
    }
}
