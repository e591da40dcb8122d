import HTTPTypes
import Logging
import TalkpathCore
import TalkpathWire

/// Checks that protect the operator's account, before the carrier is asked: the number to call, the caller ID, and the
/// origin from which the carrier fetches the call's instructions.
extension ServerState {
    /// Refuses numbers that may not be called.
    ///
    /// - Parameter name: the request's name for the number.
    func check(destination number: String, as name: String = "to") throws(Problem) {
        if let problem = Problem(destinations.verdict(on: number), name: name) { throw problem }
    }

    /// Refuses agents with transfer numbers that may not be called. Every transfer is checked again when it happens,
    /// because the settings may have changed.
    func check(numbersOf definition: AgentDefinition) throws(Problem) {
        for number in definition.dialledNumbers {
            try check(destination: number, as: "transfer_targets' and 'fallback.transfer_to")
        }
    }

    /// Refuses caller IDs that do not belong to the tenant. On a shared account, the carrier would accept those of
    /// other tenants.
    ///
    /// - Parameter others: further numbers that may be shown, such as those of the call that is transferred.
    func check(callerID number: String, tenant: String, or others: [String] = []) async throws(Problem) {
        guard PhoneNumber.isE164(number) else {
            throw Problem(.unprocessableContent, .invalidNumber, "'from' must be a number in E.164")
        }
        let numbers = configuration.numbers(of: tenant)
        // In development without an account, there are no other tenants' numbers to protect.
        if configuration.isDevelopment, numbers.isEmpty { return }
        if numbers.contains(number) || others.contains(number) { return }
        if configuration.hasAccount(tenant), try await isAgents(number, tenant: tenant) { return }
        throw Problem(
            .forbidden,
            .callerNotAllowed,
            "'from' must be one of your numbers; \(Setting.fromNumbers.rawValue) lists further ones"
        )
    }

    /// True if an agent of the tenant takes the calls to a number.
    private func isAgents(_ number: String, tenant: String) async throws(Problem) -> Bool {
        do {
            return try await agents.find(number: number, tenant: tenant) != nil
        } catch {
            logger.error("Agents cannot be read", metadata: ["error_type": "\(type(of: error))"])
            throw Problem(.internalServerError, .internalError, "Internal error: the log has the details")
        }
    }

    /// Refuses origins that the operator has not configured. The carrier follows the instructions that it gets there,
    /// at the operator's cost.
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
    /// `nil` for numbers that may be called.
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
    /// The numbers that a tenant's calls may come from by the settings, including ``Twilio/fromNumber``.
    func numbers(of tenant: String) -> Set<String> {
        var numbers = fromNumbers[tenant] ?? []
        if let number = twilio(of: tenant)?.fromNumber { numbers.insert(number) }
        for (number, agent) in inboundAgents where agent.tenant == tenant { numbers.insert(number) }
        return numbers
    }

    /// True if a tenant's calls use an account of its own. The shared account is the default tenant's.
    func hasAccount(_ tenant: String) -> Bool {
        tenantTwilio[tenant] != nil || tenant == APIKey.defaultTenant
    }
}
