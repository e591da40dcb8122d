/// A range that a figure must lie in; an end that is missing is open.
package struct Bounds: Sendable, Equatable, CustomStringConvertible {
    package var atLeast: Double?
    package var atMost: Double?
    /// The unit of both, for people.
    package var unit = ""

    func contains(_ value: Double) -> Bool { value >= atLeast ?? -.infinity && value <= atMost ?? .infinity }

    package var description: String {
        switch (atLeast, atMost) {
        case (let low?, let high?): low == high ? shown(low) : "\(shown(low)) to \(shown(high))"
        case (let low?, nil): "at least \(shown(low))"
        case (nil, let high?): "at most \(shown(high))"
        case (nil, nil): "anything"
        }
    }

    /// A value beyond the bounds, with so many digits that it does not look like one of them.
    func shown(outside value: Double) -> String {
        let short = shown(value)
        let bounds = [atLeast, atMost].compactMap { $0.map { shown($0) } }
        return bounds.contains(short) ? "\(value)\(unit.isEmpty ? "" : " \(unit)")" : short
    }

    func shown(_ value: Double) -> String {
        let whole = value.rounded()
        let number =
            abs(whole - value) < 0.005 && abs(whole) < 1e15 ? "\(Int(whole))" : "\((value * 100).rounded() / 100)"
        return unit.isEmpty ? number : "\(number) \(unit)"
    }
}

extension YAMLValue {
    /// Bounds of a number: the number itself, or a mapping with `at_least` and `at_most`.
    func bounds(unit: String = "", _ read: (YAMLValue) throws(SuiteFault) -> Double) throws(SuiteFault) -> Bounds {
        guard isMapping else {
            let value = try read(self)
            return Bounds(atLeast: value, atMost: value, unit: unit)
        }
        let members = try members(["at_least", "at_most"])
        guard !members.isEmpty else { throw fault("'\(path)' bounds nothing: write at_least or at_most") }
        var bounds = Bounds(unit: unit)
        if let least = members["at_least"] { bounds.atLeast = try read(least) }
        if let most = members["at_most"] { bounds.atMost = try read(most) }
        return bounds
    }

    /// A limit above: a time such as `900ms`, or a mapping with `at_least` and `at_most`.
    func times() throws(SuiteFault) -> Bounds {
        if !isMapping { return Bounds(atMost: Double(try milliseconds()), unit: "ms") }
        return try bounds(unit: "ms") { value throws(SuiteFault) in Double(try value.milliseconds()) }
    }
}
