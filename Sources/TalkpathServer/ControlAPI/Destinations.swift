import TalkpathWire

/// Which numbers a server may call: a prefix of theirs is listed, and their type is allowed.
///
/// One rule for every way of dialling: orders, transfers by the API or the agent, fallbacks.
struct Destinations: Sendable {
    enum Verdict: Equatable {
        case allowed
        /// Not in E.164.
        case malformed
        case emergency
        /// No prefix of the list allows it.
        case notAllowed
        /// A prefix allows it, but its type is not among those that may be called. For what is no number, the type of
        /// those that begin like it.
        case refusedType(NumberType)
    }

    /// Numbers that cost what a call costs anyway.
    static let standardTypes: Set<NumberType> = [.fixedLine, .mobile, .fixedOrMobile, .tollFree, .voip, .uan]
    /// Those that a setting may name: the two others are never called.
    static let possibleTypes = NumberType.allCases.filter { $0 != .short && $0 != .emergency }

    private let prefixes: [String]
    private let types: NumberTypes

    /// - Parameters:
    ///   - prefixes: beginnings of numbers in E.164; none allows nothing, `+` every country.
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

    /// A country code that several regions share, or that is of no region, costs more in some places than its bare digits
    /// suggest: there, the prefix has to say what is meant.
    private func allows(_ prefix: String, _ number: String, _ entry: NumberingPlan.Entry?) -> Bool {
        guard number.utf8.starts(with: prefix.utf8) else { return false }
        guard let entry else { return true }
        switch (entry.countryCode, entry.region) {
        case (1, "US"), (1, "CA"), (1, nil): return true
        // The Caribbean and the Pacific: `+1809`, with the whole area code.
        case (1, _): return prefix == "+" || prefix.utf8.count >= "+1809".utf8.count
        // Satellites and other networks of no country: `+881`.
        case (let code, NumberingPlan.noCountry): return prefix.utf8.count > String(code).utf8.count
        default: return true
        }
    }

    /// The type for which a number is refused; nil if it is not.
    private func refusal(_ entry: NumberingPlan.Entry?, _ number: String) -> NumberType? {
        guard let entry else { return types.contains(.unknown) ? nil : .unknown }
        guard entry.type == .unknown else { return types.contains(entry.type) ? nil : entry.type }
        guard types.contains(.unknown) else { return .unknown }
        if !entry.resembles.isEmpty, entry.resembles.isDisjoint(with: types) {
            return NumberType.allCases.first(where: entry.resembles.contains)
        }
        // A carrier may drop a national prefix that does not belong here: +44 09… is +44 9… then.
        let code = "+\(entry.countryCode)"
        let national = number.dropFirst(code.count)
        let meant = national.drop { $0 == "0" }
        guard meant.count < national.count else { return nil }
        return refusal(NumberingPlan.shared.entry(of: code + meant), code + meant)
    }
}
