/// Checks of phone numbers.
enum PhoneNumber {
    /// True if a number is in E.164 (ITU-T): `+`, a country code that does not begin with 0, at most 15 digits in all.
    /// A number with spaces is refused, not corrected. A subscriber's number has at least seven digits.
    static func isE164(_ text: String) -> Bool {
        let digits = text.utf8.dropFirst()
        return text.utf8.first == UInt8(ascii: "+") && (7...15).contains(digits.count)
            && digits.first != UInt8(ascii: "0")
            && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// True if a number could reach an emergency service: the short numbers themselves, even behind `+`, zeros or a
    /// country code, and the codes x11 of North America.
    static func isEmergency(_ text: String) -> Bool {
        let digits = String(decoding: text.utf8.filter { (48...57).contains($0) }, as: UTF8.self)
        guard digits.count > 6 else {
            return (0...3).contains { emergencyNumbers.contains(String(digits.dropFirst($0))) }
        }
        let area = Array(digits.utf8.dropFirst().prefix(3))
        return digits.hasPrefix("1") && area[1] == UInt8(ascii: "1") && area[2] == UInt8(ascii: "1")
    }

    /// Numbers of police, fire and ambulance services around the world.
    private static let emergencyNumbers: Set<String> = [
        "000", "061", "062", "066", "080", "100", "101", "102", "103", "104", "105", "106", "107", "108", "109", "110",
        "111", "112", "113", "114", "115", "116", "117", "118", "119", "120", "122", "123", "128", "129", "131", "132",
        "133", "140", "144", "150", "151", "153", "155", "156", "158", "160", "161", "166", "177", "180", "185", "190",
        "191", "192", "193", "194", "195", "196", "197", "198", "199", "900", "901", "902", "903", "904", "911", "912",
        "917", "933", "977", "988", "991", "992", "993", "994", "995", "997", "998", "999",
    ]
}
