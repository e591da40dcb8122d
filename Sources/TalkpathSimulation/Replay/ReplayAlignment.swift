/// Walks two sequences side by side, and tells what stands in only one of them.
///
/// Where they part, it looks some way ahead on both sides for the fewest changes that explain what is there, and goes on
/// from where they meet again: a message that is missing is then one difference, and not one for each that follows.
struct ReplayAlignment {
    enum Step: Equatable {
        /// They belong together, the same or not.
        case both(Int, Int)
        /// Stands on the left only.
        case missing(Int)
        /// Stands on the right only.
        case added(Int)
    }

    private var i = 0
    private var j = 0
    /// The next of them last.
    private var pending: [Step] = []
    private let counts: (Int, Int)
    private let areSame: (Int, Int) -> Bool
    private let areAlike: (Int, Int) -> Bool

    /// How far it looks ahead: more than a second of frames.
    private static let window = 64
    /// So many that are the same one after the other are no accident; two frames of silence might be.
    private static let proof = 4

    /// - Parameters:
    ///   - areSame: nothing differs.
    ///   - areAlike: they may be the same thing, changed.
    init(
        _ left: Int,
        _ right: Int,
        areSame: @escaping (Int, Int) -> Bool,
        areAlike: @escaping (Int, Int) -> Bool
    ) {
        counts = (left, right)
        self.areSame = areSame
        self.areAlike = areAlike
    }

    mutating func next() -> Step? {
        if pending.isEmpty {
            guard i < counts.0 || j < counts.1 else { return nil }
            if i < counts.0, j < counts.1, areSame(i, j) {
                pending = [.both(i, j)]
            } else {
                pending = path()
            }
        }
        guard let step = pending.popLast() else { return nil }
        switch step {
        case .both:
            i += 1
            j += 1
        case .missing: i += 1
        case .added: j += 1
        }
        return step
    }

    // MARK: Looking ahead

    /// The fewest changes from here on, up to where both are the same again; the next step last.
    private func path() -> [Step] {
        let (left, right) = (min(Self.window, counts.0 - i), min(Self.window, counts.1 - j))
        let costs = costs(left, right)
        func cost(_ l: Int, _ r: Int) -> Int { costs[l * (right + 1) + r] }
        var (l, r) = end(left, right, cost)
        var steps: [Step] = []
        while l > 0 || r > 0 {
            let here = cost(l, r)
            if l > 0, r > 0, let change = change(l - 1, r - 1), cost(l - 1, r - 1) + change == here {
                (l, r) = (l - 1, r - 1)
                steps.append(.both(i + l, j + r))
            } else if l > 0, cost(l - 1, r) + 1 == here {
                l -= 1
                steps.append(.missing(i + l))
            } else {
                r -= 1
                steps.append(.added(j + r))
            }
        }
        return upToProof(steps)
    }

    /// What pairing two costs; nil if they do not belong together.
    private func change(_ l: Int, _ r: Int) -> Int? {
        if areSame(i + l, j + r) { return 0 }
        return areAlike(i + l, j + r) ? 1 : nil
    }

    /// How many changes lead to each place of the window.
    private func costs(_ left: Int, _ right: Int) -> [Int] {
        var costs = [Int](repeating: 0, count: (left + 1) * (right + 1))
        for l in 0...left {
            for r in 0...right where l + r > 0 {
                var least = Int.max
                if l > 0 { least = min(least, costs[(l - 1) * (right + 1) + r] + 1) }
                if r > 0 { least = min(least, costs[l * (right + 1) + r - 1] + 1) }
                if l > 0, r > 0, let change = change(l - 1, r - 1) {
                    least = min(least, costs[(l - 1) * (right + 1) + r - 1] + change)
                }
                costs[l * (right + 1) + r] = least
            }
        }
        return costs
    }

    /// Where the window is left: at its corner if both sequences end there; otherwise where the fewest changes lead to
    /// its edge, for what lies beyond is not known.
    private func end(_ left: Int, _ right: Int, _ cost: (Int, Int) -> Int) -> (Int, Int) {
        var best = (left, right)
        func consider(_ l: Int, _ r: Int) {
            let (one, other) = (cost(l, r), cost(best.0, best.1))
            if one < other || (one == other && abs(l - r) < abs(best.0 - best.1)) { best = (l, r) }
        }
        if j + right < counts.1 { for l in 0...left { consider(l, right) } }
        if i + left < counts.0 { for r in 0...right { consider(left, r) } }
        return best
    }

    /// Cuts a path off where it has proved itself; without that, in its middle, for near the window's edge it knows too
    /// little.
    private func upToProof(_ steps: [Step]) -> [Step] {
        var run = 0
        for (count, step) in steps.reversed().enumerated() {
            if case .both(let l, let r) = step, areSame(l, r) { run += 1 } else { run = 0 }
            if run == Self.proof { return Array(steps.suffix(count + 1)) }
        }
        return Array(steps.suffix(max(1, steps.count / 2)))
    }
}
