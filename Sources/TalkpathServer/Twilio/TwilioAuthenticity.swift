import TalkpathCore
import TalkpathWire

/// Decides whether a request to the carrier's routes is Twilio's, and of which account.
///
/// With an auth token, every webhook must be signed with it, in development too. Without one, which only development
/// allows, any program on this machine may play Twilio.
struct TwilioAuthenticity: Sendable {
    /// An account that may have sent a webhook.
    struct Signer: Sendable {
        /// The tenant that owns the account; nil for the shared one.
        var tenant: String?
        var validator: TwilioSignatureValidator?
    }

    private let shared: TwilioSignatureValidator?
    private let sharedSID: String?
    /// Tenants' own accounts, by their SIDs.
    private let own: [String: Signer]

    init(_ configuration: ServerConfiguration) {
        shared = (configuration.twilio?.authTokens).map { TwilioSignatureValidator(authTokens: $0) }
        sharedSID = configuration.twilio?.accountSID
        var own: [String: Signer] = [:]
        for (tenant, account) in configuration.tenantTwilio {
            let validator = TwilioSignatureValidator(authTokens: account.authTokens)
            own[account.accountSID] = Signer(tenant: tenant, validator: validator)
        }
        self.own = own
    }

    /// Tells whether signatures are checked.
    var isChecked: Bool { shared != nil || !own.isEmpty }

    func isKnown(accountSID: String) -> Bool { own[accountSID] != nil || accountSID == sharedSID }

    /// The account whose signature a webhook must bear.
    func signer(accountSID: String?) -> Signer {
        accountSID.flatMap { own[$0] } ?? Signer(tenant: nil, validator: shared)
    }

    /// - Parameters:
    ///   - target: path and query as they arrived.
    ///   - origins: those at which the request may have been addressed.
    func isGenuine(
        target: String,
        form: FormParameters,
        signature: String?,
        settings: String?,
        origins: [PublicOrigin],
        signer: Signer
    ) -> Bool {
        guard let validator = signer.validator else { return !isChecked }
        return origins.contains { origin in
            validator.isValid(
                url: origin.text + target,
                body: .form(form),
                signature: signature,
                settings: settings
            )
        }
    }

    /// An upgrade does not say whose it is; the token in the socket's first message does.
    func isGenuine(upgrade target: String, signature: String?, settings: String?, origins: [PublicOrigin]) -> Bool {
        guard isChecked else { return true }
        let validators = [shared].compactMap(\.self) + own.values.compactMap(\.validator)
        return validators.contains { validator in
            origins.contains { origin in
                validator.signedURL(
                    ofUpgrade: target,
                    origin: origin.text,
                    signature: signature,
                    settings: settings
                ) != nil
            }
        }
    }
}
