import Testing

@testable import TalkpathCore

@Suite struct ByteSearchTests {
    /// Neighbours of the sought byte, and bytes whose borrow or top bit could be mistaken for it.
    @Test(arguments: [0x00, 0x01, 0x22, 0x7F, 0x80, 0xFF] as [UInt8])
    func `the search finds the first place only`(_ sought: UInt8) {
        var generator = SystemRandomNumberGenerator()
        let others: [UInt8] = [0x00, 0x01, 0x21, 0x22, 0x23, 0x7F, 0x80, 0x81, 0xA2, 0xFE, 0xFF]
        for count in 0...40 {
            for _ in 0..<40 {
                let bytes = (0..<count).map { _ in others.randomElement(using: &generator)! }
                for start in 0...count {
                    let expected = bytes[start...].firstIndex(of: sought)
                    let found = bytes.withUnsafeBytes { ByteSearch.first(sought, in: $0, from: start) }
                    guard found == expected else {
                        Issue.record("\(sought) in \(bytes) from \(start): \(String(describing: found))")
                        return
                    }
                }
            }
        }
    }

    @Test func `words are found at their first place or not at all`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<4000 {
            // Few letters, so that beginnings of the word occur often.
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in UInt8.random(in: 1...2) }
            let word = (0..<Int.random(in: 0...5, using: &generator)).map { _ in UInt8.random(in: 1...2) }
            let places = word.isEmpty || word.count > bytes.count ? [] : Array(0...(bytes.count - word.count))
            let expected = places.first { bytes[$0...].starts(with: word) }
            let found = bytes.withUnsafeBytes { bytes in word.withUnsafeBytes { ByteSearch.first($0, in: bytes) } }
            guard found == expected else {
                Issue.record("\(word) in \(bytes): \(String(describing: found))")
                return
            }
        }
    }
}
