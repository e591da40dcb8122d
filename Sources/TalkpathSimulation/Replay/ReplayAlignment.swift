/// Compares two sequences step by step, and reports the elements that only one of them has.
///
/// Where the sequences differ, it looks ahead on both sides for the fewest changes that explain the difference, and
/// continues where they agree again. So a missing message is one difference, not one for each message after it.
struct ReplayAlignment {
    enum Step: Equatable {
        /// Both elements belong together, equal or not.
        case both(Int, Int)
        /// Only the left sequence has the element.
        case missing(Int)
        /// Only the right sequence has the element.
        case added(Int)
    }

    private var i = 0
    private var j = 0
    /// The next steps, in reverse order.
    private var pending: [Step] = []
    private let counts: (Int, Int)
    private let areSame: (Int, Int) -> Bool
    private let areAlike: (Int, Int) -> Bool

    /// The number of elements to look ahead: more than a second of frames.
    private static let window = 64
    /// The number of equal pairs in a row that prove agreement; two frames of silence may be equal by chance.
    private static let proof = 4

    /// - Parameters:
    ///   - areSame: returns true if the elements are equal.
    ///   - areAlike: returns true if they may be the same element, changed.
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

    /// The steps with the fewest changes from here to the next agreement, in reverse order.
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

    /// The cost of pairing two elements; `nil` if they do not belong together.
    private func change(_ l: Int, _ r: Int) -> Int? {
        if areSame(i + l, j + r) { return 0 }
        return areAlike(i + l, j + r) ? 1 : nil
    }

    /// The fewest changes that lead to each position of the window.
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

    /// The position at which the window is left. It is the corner if both sequences end there. Otherwise it is the
    /// position on the edge with the fewest changes, because the elements beyond are not known.
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

    /// Cuts a path after its first proof of agreement. Without a proof, cuts it in the middle, because it knows too
    /// little near the window's edge.
    private func upToProof(_ steps: [Step]) -> [Step] {
        var run = 0
        for (count, step) in steps.reversed().enumerated() {
            if case .both(let l, let r) = step, areSame(l, r) { run += 1 } else { run = 0 }
            if run == Self.proof { return Array(steps.suffix(count + 1)) }
        }
        return Array(steps.suffix(max(1, steps.count / 2)))
    }
}
