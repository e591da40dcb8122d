/// Numbers that may be dialled.
enum PhoneNumber {
    /// ITU-T E.164: `+`, a country code that does not begin with 0, at most 15 digits in all. Nothing is tidied up: a
    /// number with spaces is refused, not guessed at. Shorter than seven digits no subscriber's number is.
    static func isE164(_ text: String) -> Bool {
        let digits = text.utf8.dropFirst()
        return text.utf8.first == UInt8(ascii: "+") && (7...15).contains(digits.count)
            && digits.first != UInt8(ascii: "0")
            && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// Whether this could reach an emergency service: the short numbers themselves, however much of a `+`, zeros or a
    /// country code stands before them, and the area codes x11 of North America.
    static func isEmergency(_ text: String) -> Bool {
        let digits = String(decoding: text.utf8.filter { (48...57).contains($0) }, as: UTF8.self)
        guard digits.count > 6 else {
            return (0...3).contains { emergencyNumbers.contains(String(digits.dropFirst($0))) }
        }
        let area = Array(digits.utf8.dropFirst().prefix(3))
        return digits.hasPrefix("1") && area[1] == UInt8(ascii: "1") && area[2] == UInt8(ascii: "1")
    }

    /// The beginning by which a number costs its caller extra: premium and shared-cost services, satellite telephones and
    /// global networks. Such numbers are what toll fraud dials.
    static func premiumPrefix(_ text: String) -> String? {
        premiumPrefixes.first { text.utf8.starts(with: $0.utf8) }
    }

    private static let premiumPrefixes = [
        "+1900", "+1976", "+3090", "+3189", "+3190", "+3289", "+3290", "+3389", "+34803", "+34806", "+34807", "+34905",
        "+351760", "+351761", "+351762", "+353157", "+353158", "+353159", "+35890060", "+35870060", "+3989", "+3990",
        "+41900", "+41901", "+41906", "+43900", "+43901", "+43930", "+43931", "+4487", "+449", "+4590", "+46900",
        "+46939", "+46944", "+4782", "+4870", "+49137", "+49180", "+49190", "+49900", "+55900", "+61190", "+64900",
        "+7809", "+81990", "+8818", "+8819", "+870", "+8816", "+8817", "+882", "+883", "+979", "+808",
    ]

    /// Of police, fire and ambulance around the world.
    private static let emergencyNumbers: Set<String> = [
        "000", "061", "062", "066", "080", "100", "101", "102", "103", "104", "105", "106", "107", "108", "109", "110",
        "111", "112", "113", "114", "115", "116", "117", "118", "119", "120", "122", "123", "128", "129", "131", "132",
        "133", "140", "144", "150", "151", "153", "155", "156", "158", "160", "161", "166", "177", "180", "185", "190",
        "191", "192", "193", "194", "195", "196", "197", "198", "199", "900", "901", "902", "903", "904", "911", "912",
        "917", "933", "977", "988", "991", "992", "993", "994", "995", "997", "998", "999",
    ]
}

/// Which numbers a server may call.
struct Destinations: Sendable {
    enum Verdict: Equatable {
        case allowed
        case malformed
        case emergency
        /// Would be allowed, if it were not a premium number, which only a prefix of its own allows.
        case premium
        case notAllowed
    }

    private let prefixes: [String]

    /// - Parameter prefixes: beginnings of numbers; none allows nothing.
    init(prefixes: [String]) {
        self.prefixes = prefixes
    }

    func verdict(on number: String) -> Verdict {
        if PhoneNumber.isEmergency(number) { return .emergency }
        guard PhoneNumber.isE164(number) else { return .malformed }
        let matching = prefixes.filter { number.utf8.starts(with: $0.utf8) }
        guard !matching.isEmpty else { return .notAllowed }
        guard let premium = PhoneNumber.premiumPrefix(number) else { return .allowed }
        return matching.contains { $0.utf8.starts(with: premium.utf8) } ? .allowed : .premium
    }
}
