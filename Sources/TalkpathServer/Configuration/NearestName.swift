/// Finds the name that a misspelt one probably means.
package enum NearestName {
    /// - Returns: the name that differs from the given one by few letters; `nil` if there is none.
    package static func of(_ given: String, among names: [String]) -> String? {
        let letters = Array(given.lowercased().utf8.prefix(100))
        let rated = names.map { (name: $0, distance: distance(letters, Array($0.lowercased().utf8))) }
        // A short word allows fewer differences.
        let limit = letters.count <= 8 ? max(1, (letters.count + 1) / 3) : max(3, letters.count / 4)
        // Of two equally near names, take the longer one: letters are left out more often than added.
        let best = rated.min { ($0.distance, -$0.name.count) < ($1.distance, -$1.name.count) }
        guard let best, best.distance <= limit else { return nil }
        return best.name
    }

    /// The number of letters to insert, delete, change or swap with their neighbour.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (place, letter) in left.enumerated() {
            var row = [place + 1]
            for index in right.indices {
                var best = min(last[index + 1] + 1, row[index] + 1, last[index] + (letter == right[index] ? 0 : 1))
                if place > 0, index > 0, letter == right[index - 1], left[place - 1] == right[index] {
                    best = min(best, beforeLast[index - 1] + 1)
                }
                row.append(best)
            }
            (beforeLast, last) = (last, row)
        }
        return last[right.count]
    }
}
