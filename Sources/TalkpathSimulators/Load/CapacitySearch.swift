/// Searches for the largest number of calls that is sustained: doubles the number until it is too large, then halves
/// the gap.
///
/// ```swift
/// var search = CapacitySearch(first: 25, precision: 0.05)
/// while let calls = search.next { search.note(try await sustains(calls)) }
/// print(search.best)
/// ```
package struct CapacitySearch: Equatable, Sendable {
    /// The most calls found to be sustained; 0 if none were.
    package private(set) var best = 0
    /// The fewest calls found to be too many.
    package private(set) var tooMany: Int?
    /// The next number to try; `nil` when the answer is precise enough.
    package private(set) var next: Int?

    private let precision: Double
    private let most: Int

    /// - Parameters:
    ///   - precision: the largest gap between the answer and the smallest number that is too large, as a share of the
    ///     answer.
    ///   - most: the largest number to try.
    package init(first: Int, precision: Double = 0.05, most: Int = 10_000) {
        self.precision = max(0, precision)
        self.most = max(1, most)
        next = min(max(1, first), max(1, most))
    }

    /// Notes whether the number tried last is sustained.
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
