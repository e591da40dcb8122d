import TalkpathAudio

/// The numbering plan of the world: gives a number's country, region and type.
///
/// Tells whether a number can exist, not whether it does. The data comes from libphonenumber and is compiled into one
/// automaton over digits (`NumberingTable`). A lookup reads one digit after the other and allocates nothing.
/// Thread-safe.
public struct NumberingPlan: Sendable {
    /// The plan's data about a number.
    public struct Entry: Equatable, Sendable {
        /// The country code, 1 to 3 digits.
        public var countryCode: Int
        /// The region by ISO 3166 (`US`); `001` for numbers of no country. `nil` if the digits do not determine it.
        public var region: String?
        public var type: NumberType
        /// If this is not a valid number itself: the types of all numbers with the same beginning. For example, `+1900`
        /// and any digits resemble premium-rate numbers.
        public var resembles: NumberTypes
    }

    /// The region of numbers that belong to no country.
    public static let noCountry = "001"

    /// The plan, read once.
    public static let shared = NumberingPlan()

    /// The origin and date of the data.
    public static var release: String { NumberingTable.release }

    private struct State {
        /// 0 means no type.
        var type: UInt8
        var region: UInt8
        /// The index of its first branch, and the number of branches.
        var branches: Int
        var count: UInt8
        /// The types of all numbers from here on, except short ones: numbers of other lengths do not resemble those.
        var types: NumberTypes
        /// A bit for each region of the country code, of the same numbers.
        var regions: UInt32
    }

    private struct Branch {
        var digits: UInt16
        var state: Int
    }

    private struct CountryCode {
        var number: Int
        var state: Int
        var regions: [String]
    }

    private let states: [State]
    private let branches: [Branch]
    /// The country codes, indexed by number.
    private let countryCodes: [CountryCode?]

    private init() {
        (states, branches) = Self.readStates()
        countryCodes = Self.readCountryCodes()
    }

    /// - Parameter number: a number in E.164, with its `+`.
    /// - Returns: `nil` if the text is not `+` and digits, or if its country code is not assigned.
    public func entry(of number: String) -> Entry? {
        let text = number.utf8.dropFirst()
        guard number.utf8.first == UInt8(ascii: "+"), text.allSatisfy({ (48...57).contains($0) }) else { return nil }
        let digits = text.map { Int($0) - 48 }
        guard let (code, national) = countryCode(of: digits) else { return nil }
        var state = states[code.state]
        var resembles: NumberTypes = []
        var regions = state.regions
        for digit in national {
            guard let next = next(state, digit) else { return entry(code, .unknown, regions, resembles) }
            state = states[next]
            if !state.types.isEmpty { (resembles, regions) = (state.types, state.regions) }
        }
        guard let type = NumberType(rawValue: state.type), type != .unknown else {
            return entry(code, .unknown, regions, resembles)
        }
        return entry(code, type, 1 << UInt32(state.region), [])
    }

    private func entry(
        _ code: CountryCode,
        _ type: NumberType,
        _ regions: UInt32,
        _ resembles: NumberTypes
    ) -> Entry {
        let region = regions.nonzeroBitCount == 1 ? code.regions[regions.trailingZeroBitCount] : nil
        return Entry(countryCode: code.number, region: region, type: type, resembles: resembles)
    }

    /// No country code is the beginning of another.
    private func countryCode(of digits: [Int]) -> (CountryCode, ArraySlice<Int>)? {
        var number = 0
        for (position, digit) in digits.prefix(3).enumerated() {
            number = number * 10 + digit
            if let code = countryCodes[number] { return (code, digits[(position + 1)...]) }
        }
        return nil
    }

    private func next(_ state: State, _ digit: Int) -> Int? {
        for branch in branches[state.branches..<state.branches + Int(state.count)] where branch.digits >> digit & 1 == 1
        {
            return branch.state
        }
        return nil
    }
}

// MARK: Reading the data

extension NumberingPlan {
    /// Every state comes after those that it leads to, so its successors are known when it is read.
    private static func readStates() -> ([State], [Branch]) {
        let words = words()
        var states: [State] = []
        var branches: [Branch] = []
        var position = 0
        while position < words.count {
            let head = words[position]
            var state = State(
                type: UInt8(head & 15),
                region: UInt8(head >> 4 & 31),
                branches: branches.count,
                count: UInt8(head >> 9 & 15),
                types: NumberTypes(rawValue: 0),
                regions: 0
            )
            if state.type != 0 {
                state.types = NumberTypes(rawValue: 1 << UInt16(state.type)).subtracting(.short)
                if !state.types.isEmpty { state.regions = 1 << UInt32(state.region) }
            }
            position += 1
            for _ in 0..<state.count {
                let branch = Branch(digits: words[position], state: Int(words[position + 1]))
                branches.append(branch)
                state.types.formUnion(states[branch.state].types)
                state.regions |= states[branch.state].regions
                position += 2
            }
            states.append(state)
        }
        return (states, branches)
    }

    private static func words() -> [UInt16] {
        NumberingTable.states.withUTF8Buffer { text in
            var bytes = [UInt8](repeating: 0, count: Base64.decodedCount(of: text.span.bytes))
            var target = bytes.mutableSpan
            // The table is our own, and a test reads it whole.
            guard let count = try? Base64.decode(text.span.bytes, into: &target) else { return [] }
            return stride(from: 0, to: count & ~1, by: 2).map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }
        }
    }

    private static func readCountryCodes() -> [CountryCode?] {
        var codes = [CountryCode?](repeating: nil, count: 1000)
        for entry in NumberingTable.countryCodes.description.split(separator: " ") {
            let parts = entry.split(separator: ":")
            guard parts.count == 3, let number = Int(parts[0]), let state = Int(parts[1]) else { continue }
            codes[number] = CountryCode(
                number: number,
                state: state,
                regions: parts[2].split(separator: ".").map(String.init)
            )
        }
        return codes
    }
}
