/// Designs a linear-phase low-pass filter of odd length (type I) by Parks–McClellan, that is by the Remez exchange.
///
/// The repository holds the results as ``ResamplerTaps``, so that start-up costs nothing and every machine computes
/// with the same bits. A test runs the design again and compares.
///
/// Source: T. W. Parks, J. H. McClellan, "Chebyshev approximation for nonrecursive digital filters with linear phase",
/// IEEE Trans. Circuit Theory, 1972. The interpolation is barycentric.
package struct LowPassDesign {
    /// Number of taps; odd.
    package var tapCount: Int
    /// End of the pass-band and beginning of the stop-band in cycles per sample, below 0.5.
    package var passEdge: Double
    package var stopEdge: Double
    /// The ratio of the pass-band's allowed deviation from 1 to the stop-band's allowed deviation from 0.
    package var stopWeight: Double

    package init(tapCount: Int, passEdge: Double, stopEdge: Double, stopWeight: Double) {
        precondition(tapCount >= 3 && !tapCount.isMultiple(of: 2), "a type I filter has an odd number of taps")
        precondition(0 < passEdge && passEdge < stopEdge && stopEdge < 0.5, "the bands must be apart and in order")
        self.tapCount = tapCount
        self.passEdge = passEdge
        self.stopEdge = stopEdge
        self.stopWeight = stopWeight
    }

    /// The taps: symmetric, with a gain near 1 in the pass-band.
    package func taps() -> [Double] {
        var exchange = RemezExchange(self)
        exchange.run()
        return exchange.taps()
    }
}

private struct RemezExchange {
    private struct Point {
        /// cos(2πf); the response is a polynomial in it.
        var x: Double
        var desired: Double
        var weight: Double
        /// The first or last point of its band, where the error may peak without a turning point.
        var isEdge: Bool
    }

    private let order: Int
    private let grid: [Point]
    private let tapCount: Int
    /// Indices into `grid` at which the error is made equal and alternating; `order` + 2 of them.
    private var extremals: [Int]
    private var deviation = 0.0
    private var nodes: [Double] = []
    private var values: [Double] = []
    private var barycentric: [Double] = []

    init(_ design: LowPassDesign) {
        tapCount = design.tapCount
        order = (design.tapCount - 1) / 2
        let density = 16.0 * Double(order + 1)
        func band(_ from: Double, _ to: Double, desired: Double, weight: Double) -> [Point] {
            let count = max(2, Int((to - from) * 2 * density))
            return (0...count).map { index in
                let frequency = from + (to - from) * Double(index) / Double(count)
                return Point(
                    x: cosine(2 * .pi * frequency),
                    desired: desired,
                    weight: weight,
                    isEdge: index == 0 || index == count
                )
            }
        }
        let points =
            band(0, design.passEdge, desired: 1, weight: 1)
            + band(design.stopEdge, 0.5, desired: 0, weight: design.stopWeight)
        grid = points
        let wanted = order + 2
        extremals = (0..<wanted).map { $0 * (points.count - 1) / (wanted - 1) }
    }

    mutating func run() {
        // Converges within a dozen rounds for the filters used here; the bound stops a design that never converges.
        for _ in 0..<60 {
            interpolate()
            let errors = grid.map { ($0.desired - response(at: $0.x)) * $0.weight }
            let next = alternation(of: errors)
            guard next.count == extremals.count else { return }
            let unchanged = next == extremals
            extremals = next
            if unchanged { return }
        }
    }

    func taps() -> [Double] {
        let samples = (0...order).map { response(at: cosine(2 * .pi * Double($0) / Double(tapCount))) }
        return (0..<tapCount).map { tap in
            let distance = Double(tap - order)
            let sum = (1...order).reduce(0.0) { sum, index in
                sum + samples[index] * cosine(2 * .pi * Double(index) * distance / Double(tapCount))
            }
            return (samples[0] + 2 * sum) / Double(tapCount)
        }
    }

    /// Solves for the polynomial whose weighted error alternates with equal size on the extremals.
    private mutating func interpolate() {
        let points = extremals.map { grid[$0] }
        let weights = Self.barycentricWeights(points.map { $0.x })
        var numerator = 0.0
        var denominator = 0.0
        for (index, point) in points.enumerated() {
            numerator += weights[index] * point.desired
            denominator += weights[index] * (index.isMultiple(of: 2) ? 1 : -1) / point.weight
        }
        deviation = numerator / denominator
        // The polynomial has one degree of freedom less than there are extremals, so the last one needs no node.
        let used = points.dropLast()
        nodes = used.map { $0.x }
        values = used.enumerated().map { index, point in
            point.desired - (index.isMultiple(of: 2) ? deviation : -deviation) / point.weight
        }
        barycentric = Self.barycentricWeights(nodes)
    }

    private static func barycentricWeights(_ nodes: [Double]) -> [Double] {
        nodes.map { node in
            var product = 1.0
            // The factor 2 keeps the product near 1, because the nodes fill [-1, 1], whose capacity is one half.
            for other in nodes where other != node { product *= 2 * (node - other) }
            return 1 / product
        }
    }

    private func response(at x: Double) -> Double {
        var numerator = 0.0
        var denominator = 0.0
        var index = 0
        while index < nodes.count {
            let distance = x - nodes[index]
            if abs(distance) < 1e-14 { return values[index] }
            let term = barycentric[index] / distance
            numerator += term * values[index]
            denominator += term
            index += 1
        }
        return numerator / denominator
    }

    /// The largest errors of alternating sign: as many as there are extremals, or fewer if fewer exist.
    private func alternation(of errors: [Double]) -> [Int] {
        var found: [Int] = []
        for index in errors.indices {
            let error = errors[index]
            let sign: Double = error < 0 ? -1 : 1
            let before = index > 0 && !(grid[index].isEdge && grid[index - 1].isEdge) ? errors[index - 1] * sign : -1
            let isLast = index + 1 == errors.count
            let after = !isLast && !(grid[index].isEdge && grid[index + 1].isEdge) ? errors[index + 1] * sign : -1
            guard error * sign > before, error * sign >= after else { continue }
            if let last = found.last, errors[last] * sign > 0 {
                if abs(errors[last]) < abs(error) { found[found.count - 1] = index }
            } else {
                found.append(index)
            }
        }
        // Drops surplus extremals at the ends, where dropping one keeps the signs alternating.
        while found.count > extremals.count {
            if abs(errors[found[0]]) < abs(errors[found[found.count - 1]]) {
                found.removeFirst()
            } else {
                found.removeLast()
            }
        }
        return found
    }
}
