import TalkpathWire

/// The numbers that a server may call: a configured prefix allows them, and their type is allowed.
///
/// The same rule applies to every way of dialling: requests, transfers by the API or the agent, fallbacks.
struct Destinations: Sendable {
    enum Verdict: Equatable {
        case allowed
        /// Not in E.164.
        case malformed
        case emergency
        /// No configured prefix allows it.
        case notAllowed
        /// A prefix allows the number, but its type may not be called. Carries that type; for an unassigned number, the
        /// type of similar numbers.
        case refusedType(NumberType)
    }

    /// The types of number that cost no more than a usual call.
    static let standardTypes: Set<NumberType> = [.fixedLine, .mobile, .fixedOrMobile, .tollFree, .voip, .uan]
    /// The types that a setting may name. The two others are never called.
    static let possibleTypes = NumberType.allCases.filter { $0 != .short && $0 != .emergency }

    private let prefixes: [String]
    private let types: NumberTypes

    /// - Parameters:
    ///   - prefixes: prefixes of E.164 numbers. None allows nothing, `+` every country.
    ///   - types: the types of number that may be called.
    init(prefixes: [String], types: Set<NumberType> = standardTypes) {
        self.prefixes = prefixes
        self.types = NumberTypes(types.intersection(Self.possibleTypes))
    }

    func verdict(on number: String) -> Verdict {
        if PhoneNumber.isEmergency(number) { return .emergency }
        guard PhoneNumber.isE164(number) else { return .malformed }
        let entry = NumberingPlan.shared.entry(of: number)
        if entry?.type == .emergency { return .emergency }
        guard prefixes.contains(where: { allows($0, number, entry) }) else { return .notAllowed }
        return refusal(entry, number).map(Verdict.refusedType) ?? .allowed
    }

    /// True if a prefix allows a number. Some country codes are shared by several regions, or belong to none, and cost
    /// more in some places than the code suggests. There, the prefix must be more specific.
    private func allows(_ prefix: String, _ number: String, _ entry: NumberingPlan.Entry?) -> Bool {
        guard number.utf8.starts(with: prefix.utf8) else { return false }
        guard let entry else { return true }
        switch (entry.countryCode, entry.region) {
        case (1, "US"), (1, "CA"), (1, nil): return true
        // The Caribbean and the Pacific need the whole area code, such as `+1809`.
        case (1, _): return prefix == "+" || prefix.utf8.count >= "+1809".utf8.count
        // Satellites and other networks without a country need more than the code, such as `+881`.
        case (let code, NumberingPlan.noCountry): return prefix.utf8.count > String(code).utf8.count
        default: return true
        }
    }

    /// The type for which a number is refused; `nil` if it is allowed.
    private func refusal(_ entry: NumberingPlan.Entry?, _ number: String) -> NumberType? {
        guard let entry else { return types.contains(.unknown) ? nil : .unknown }
        guard entry.type == .unknown else { return types.contains(entry.type) ? nil : entry.type }
        guard types.contains(.unknown) else { return .unknown }
        if !entry.resembles.isEmpty, entry.resembles.isDisjoint(with: types) {
            return NumberType.allCases.first(where: entry.resembles.contains)
        }
        // A carrier may drop a national prefix that should not be there: it then dials +44 9… for +44 09….
        let code = "+\(entry.countryCode)"
        let national = number.dropFirst(code.count)
        let meant = national.drop { $0 == "0" }
        guard meant.count < national.count else { return nil }
        return refusal(NumberingPlan.shared.entry(of: code + meant), code + meant)
    }
}
