import TalkpathCore
import TalkpathWire

/// Decides whether a request to the carrier's routes is Twilio's.
///
/// With an auth token, every webhook must be signed with it, in development too. Without one, which only development
/// allows, anybody on this machine may play Twilio.
struct TwilioAuthenticity: Sendable {
    private let validator: TwilioSignatureValidator?

    init(authToken: String?) {
        validator = authToken.map { TwilioSignatureValidator(authToken: $0) }
    }

    /// Whether signatures are looked at.
    var isChecked: Bool { validator != nil }

    /// - Parameters:
    ///   - target: path and query as they arrived.
    ///   - origins: those at which the request may have been addressed.
    func isGenuine(
        target: String,
        form: FormParameters,
        signature: String?,
        settings: String?,
        origins: [PublicOrigin]
    ) -> Bool {
        guard let validator else { return true }
        return origins.contains { origin in
            validator.isValid(
                url: origin.text + target,
                body: .form(form),
                signature: signature,
                settings: settings
            )
        }
    }

    func isGenuine(upgrade target: String, signature: String?, settings: String?, origins: [PublicOrigin]) -> Bool {
        guard let validator else { return true }
        return origins.contains { origin in
            validator.signedURL(
                ofUpgrade: target,
                origin: origin.text,
                signature: signature,
                settings: settings
            ) != nil
        }
    }
}
