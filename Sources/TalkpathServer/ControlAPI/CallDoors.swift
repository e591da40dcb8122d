import HTTPTypes
import Logging
import TalkpathCore
import TalkpathWire

/// Checks of what a call may cost the operator, before the carrier is asked: where it goes, which number it
/// shows, and where the carrier fetches its instructions.
extension ServerState {
    /// Refuses numbers that may not be called.
    ///
    /// - Parameter name: how the request calls the number.
    func check(destination number: String, as name: String = "to") throws(Problem) {
        if let problem = Problem(destinations.verdict(on: number), name: name) { throw problem }
    }

    /// Refuses agents that would hand callers over to numbers that may not be called. The carrier's side judges every
    /// transfer again, as the settings may have changed since.
    func check(numbersOf definition: AgentDefinition) throws(Problem) {
        for number in definition.dialledNumbers {
            try check(destination: number, as: "transfer_targets' and 'fallback.transfer_to")
        }
    }

    /// Refuses caller IDs that are not the tenant's: on a shared account, the carrier would take others' as well.
    ///
    /// - Parameter others: further numbers that may be shown, such as those of the call that is handed over.
    func check(callerID number: String, tenant: String, or others: [String] = []) async throws(Problem) {
        guard PhoneNumber.isE164(number) else {
            throw Problem(.unprocessableContent, .invalidNumber, "'from' must be a number in E.164")
        }
        let numbers = configuration.numbers(of: tenant)
        // On one's own machine without an account there is nobody whose number it could be.
        if configuration.isDevelopment, numbers.isEmpty { return }
        if numbers.contains(number) || others.contains(number) { return }
        if configuration.hasAccount(tenant), try await isAgents(number, tenant: tenant) { return }
        throw Problem(
            .forbidden,
            .callerNotAllowed,
            "'from' must be one of your numbers; \(Setting.fromNumbers.rawValue) lists further ones"
        )
    }

    /// Tells whether an agent of the tenant takes the calls to a number.
    private func isAgents(_ number: String, tenant: String) async throws(Problem) -> Bool {
        do {
            return try await agents.find(number: number, tenant: tenant) != nil
        } catch {
            logger.error("Agents cannot be read", metadata: ["error_type": "\(type(of: error))"])
            throw Problem(.internalServerError, .internalError, "Internal error: the log has the details")
        }
    }

    /// Refuses origins that the operator has not named: the carrier does what it is told there, on the operator's account.
    func check(origin text: String, tenant: String) throws(Problem) {
        guard let origin = origin(text) else {
            throw JSONBody.invalid(
                "webhook_url",
                "must be an https address without query at which this server is reached"
            )
        }
        let named = configuration.callOrigins.filter { $0.tenant == nil || $0.tenant == tenant }
        let own = named.compactMap { self.origin($0.url) } + [self.origin].compactMap(\.self)
        guard own.contains(where: origin.isSamePlace) else {
            throw Problem(
                .forbidden,
                .originNotAllowed,
                "'webhook_url' must be an origin of this server; \(Setting.callOrigins.rawValue) lists further ones"
            )
        }
    }
}

extension Problem {
    /// Nil for numbers that may be called.
    init?(_ verdict: Destinations.Verdict, name: String) {
        switch verdict {
        case .allowed: return nil
        case .malformed:
            self.init(
                .unprocessableContent,
                .invalidNumber,
                "'\(name)' must be a number in E.164, such as +14155550100"
            )
        case .emergency:
            self.init(.forbidden, .emergencyNumber, "Emergency numbers are never called")
        case .notAllowed:
            self.init(.forbidden, .destinationNotAllowed, "This destination is not on the list of allowed ones")
        case .refusedType(.short):
            self.init(.forbidden, .numberTypeNotAllowed, "Short numbers are never called")
        case .refusedType(.premiumRate):
            self.init(.forbidden, .premiumNumber, Self.refusal("premium_rate"))
        case .refusedType(.unknown):
            self.init(
                .forbidden,
                .numberTypeNotAllowed,
                "No numbering plan has this number. \(Self.refusal("unknown"))"
            )
        case .refusedType(let type):
            self.init(.forbidden, .numberTypeNotAllowed, Self.refusal(type.word))
        }
    }

    private static func refusal(_ word: String) -> String {
        "Numbers of the type \(word) are called only where \(Setting.allowedNumberTypes.rawValue) names it"
    }
}

extension ServerConfiguration {
    /// Numbers that a tenant's calls may come from, as the settings have them; ``Twilio/fromNumber`` is one of them.
    func numbers(of tenant: String) -> Set<String> {
        var numbers = fromNumbers[tenant] ?? []
        if let number = twilio(of: tenant)?.fromNumber { numbers.insert(number) }
        for (number, agent) in inboundAgents where agent.tenant == tenant { numbers.insert(number) }
        return numbers
    }

    /// Tells whether a tenant's calls go over its own account: the shared one is the default tenant's.
    func hasAccount(_ tenant: String) -> Bool {
        tenantTwilio[tenant] != nil || tenant == APIKey.defaultTenant
    }
}
