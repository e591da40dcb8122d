/// Looks for the most calls that are sustained: doubles until it is too many, then halves the gap.
///
/// ```swift
/// var search = CapacitySearch(first: 25, precision: 0.05)
/// while let calls = search.next { search.note(try await sustains(calls)) }
/// print(search.best)
/// ```
package struct CapacitySearch: Equatable, Sendable {
    /// The most calls found to be sustained; 0 if none were.
    package private(set) var best = 0
    /// The fewest found to be too many.
    package private(set) var tooMany: Int?
    /// The next number to try; nil when the answer is as exact as asked for.
    package private(set) var next: Int?

    private let precision: Double
    private let most: Int

    /// - Parameters:
    ///   - precision: the gap between the answer and what is too many, as a share of the answer.
    ///   - most: never tries more.
    package init(first: Int, precision: Double = 0.05, most: Int = 10_000) {
        self.precision = max(0, precision)
        self.most = max(1, most)
        next = min(max(1, first), max(1, most))
    }

    /// Notes whether what was tried last is sustained.
    package mutating func note(_ isSustained: Bool) {
        guard let tried = next else { return }
        if isSustained { best = tried } else { tooMany = tried }
        guard let tooMany else {
            next = best < most ? min(best * 2, most) : nil
            return
        }
        let gap = tooMany - best
        next = gap > max(1, Int(Double(best) * precision)) ? best + gap / 2 : nil
    }
}
