import Testing

@testable import TalkpathSimulation

/// Letters stand for messages: the same letter in another case is the same message, changed.
@Suite struct ReplayAlignmentTests {
    private static func steps(_ left: String, _ right: String) -> [ReplayAlignment.Step] {
        let (left, right) = (Array(left), Array(right))
        var alignment = ReplayAlignment(
            left.count,
            right.count,
            areSame: { left[$0] == right[$1] },
            areAlike: { left[$0].lowercased() == right[$1].lowercased() }
        )
        var steps: [ReplayAlignment.Step] = []
        while let step = alignment.next() { steps.append(step) }
        return steps
    }

    /// The differences: `-x` is missing, `+x` added, `xX` changed.
    private static func differences(_ left: String, _ right: String) -> String {
        let (old, new) = (Array(left), Array(right))
        return steps(left, right).compactMap { step in
            switch step {
            case .both(let i, let j): old[i] == new[j] ? nil : "\(old[i])\(new[j])"
            case .missing(let i): "-\(old[i])"
            case .added(let j): "+\(new[j])"
            }
        }.joined(separator: " ")
    }

    @Test(arguments: [
        ("abcdef", "abcdef", ""), ("abcdef", "abdef", "-c"), ("abcdef", "abxcdef", "+x"), ("abcdef", "abCdef", "cC"),
        ("abcdef", "abxdef", "-c +x"), ("abcdef", "bcdef", "-a"), ("abcdef", "abcde", "-f"),
        ("abcdef", "abcdefg", "+g"),
        ("", "ab", "+a +b"), ("ab", "", "-a -b"), ("", "", ""),
        // Silence, in which every neighbour is the same.
        ("assssssb", "asssssb", "-s"), ("assssssb", "asssSssb", "sS"), ("assssssb", "assssxssb", "+x"),
        // Two messages at the same time.
        ("abcdefghijklm", "abdefghiJklm", "-c jJ"),
    ])
    func `differences are reported as briefly as possible`(_ left: String, _ right: String, _ expected: String) {
        #expect(Self.differences(left, right).split(separator: " ").sorted() == expected.split(separator: " ").sorted())
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `every message of either side is passed once and in order`(_ seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func number(below limit: UInt64) -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state % limit
        }
        func text() -> String { String((0..<number(below: 220)).map { _ in "abAB".randomElement(number(below: 4)) }) }
        let (left, right) = (text(), text())
        var (i, j) = (0, 0)
        for step in Self.steps(left, right) {
            switch step {
            case .both(let l, let r):
                #expect(l == i && r == j)
                (i, j) = (i + 1, j + 1)
            case .missing(let l):
                #expect(l == i)
                i += 1
            case .added(let r):
                #expect(r == j)
                j += 1
            }
        }
        #expect(i == left.count && j == right.count)
    }

    /// Beyond the look-ahead, too, the two sides align again.
    @Test func `many missing messages are reported one by one`() {
        var state: UInt64 = 1
        let letters = String(
            (0..<300).map { _ -> Character in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Character(UnicodeScalar(UInt8(97 + (state >> 33) % 26)))
            }
        )
        let cut = String(letters.prefix(100)) + String(letters.dropFirst(140))
        let steps = Self.steps(letters, cut)
        #expect(steps.filter { if case .missing = $0 { true } else { false } }.count == 40)
        #expect(!steps.contains { if case .added = $0 { true } else { false } })
    }
}

extension String {
    fileprivate func randomElement(_ place: UInt64) -> Character { self[index(startIndex, offsetBy: Int(place))] }
}
