import TalkpathWire

/// The numbers, origins and caller IDs that calls may use.
extension ServerConfiguration {
    var destinations: Destinations { Destinations(prefixes: allowedDestinations, types: allowedNumberTypes) }

    mutating func readDoors(_ settings: inout SettingsReader) {
        if let prefixes = settings.list(.allowedDestinations) { allowedDestinations = prefixes }
        if let words = settings.list(.allowedNumberTypes) {
            let types = words.compactMap(NumberType.init(word:))
            if types.count == words.count {
                allowedNumberTypes = Set(types)
            } else {
                settings.report(.allowedNumberTypes, Self.typesMessage)
            }
        }
        for entry in settings.list(.fromNumbers) ?? [] {
            let parts = entry.split(separator: ":", maxSplits: 1).map(String.init)
            let tenant = parts.count == 2 ? parts[0] : APIKey.defaultTenant
            fromNumbers[tenant, default: []].insert(parts.last ?? "")
        }
        callOrigins = (settings.list(.callOrigins) ?? []).map(CallOrigin.init(setting:))
    }

    func doorProblems() -> [ConfigurationError.Problem] {
        destinationProblems() + fromNumberProblems() + callOriginProblems()
    }

    private func destinationProblems() -> [ConfigurationError.Problem] {
        let areGood = allowedDestinations.allSatisfy { prefix in
            prefix.utf8.first == UInt8(ascii: "+") && prefix.utf8.count <= 16
                && prefix.utf8.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        var problems: [ConfigurationError.Problem] = []
        if !areGood {
            problems.append(
                problem(.allowedDestinations, "each must be the beginning of a number in E.164, such as +4930")
            )
        }
        if !allowedNumberTypes.isSubset(of: Destinations.possibleTypes) {
            problems.append(problem(.allowedNumberTypes, Self.typesMessage))
        }
        return problems
    }

    private static var typesMessage: String {
        "each must be one of \(Destinations.possibleTypes.map(\.word).joined(separator: ", "))"
    }

    private func fromNumberProblems() -> [ConfigurationError.Problem] {
        var problems: [ConfigurationError.Problem] = []
        if !fromNumbers.values.joined().allSatisfy(PhoneNumber.isE164) {
            problems.append(problem(.fromNumbers, "each must be a number in E.164, or tenant:+number"))
        }
        let strangers = Set(fromNumbers.keys).subtracting(tenants).sorted()
        return problems + strangers.map { problem(.fromNumbers, "there is no key of '\($0)'") }
    }

    private func callOriginProblems() -> [ConfigurationError.Problem] {
        var problems: [ConfigurationError.Problem] = []
        if callOrigins.contains(where: { PublicOrigin($0.url, allowsPlain: isDevelopment) == nil }) {
            let schemes = isDevelopment ? "http or https" : "https"
            problems.append(
                problem(.callOrigins, "each must be an \(schemes) address without query, or tenant=address")
            )
        }
        let strangers = Set(callOrigins.compactMap(\.tenant)).subtracting(tenants).sorted()
        return problems + strangers.map { problem(.callOrigins, "there is no key of '\($0)'") }
    }

    /// The tenants with keys, and the default tenant, which owns everything that no other tenant does.
    var tenants: Set<String> { Set(apiKeys.map(\.tenant)).union([APIKey.defaultTenant]) }
}

extension ServerConfiguration.CallOrigin {
    /// Reads `https://…`, or `tenant=https://…`.
    init(setting text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2, !parts[0].contains("/") {
            self.init(parts[1], tenant: parts[0])
        } else {
            self.init(text)
        }
    }
}
