import TalkpathWire

extension FuzzTarget {
    /// A form reads back as it was written. A webhook with any form is read or refused.
    static let forms = FuzzTarget(name: "forms") { input in
        guard let form = try? FormParameters(decoding: input) else { return }
        expect((try? FormParameters(decoding: form.encoded())) == form, "a form is read as another")
        _ = try? TwilioStatusCallback(form)
        _ = try? TwilioVoiceWebhook(form)
        _ = try? TwilioMachineDetectionCallback(form)
        _ = try? TwilioStreamStatusCallback(form)
        for field in form.fields { _ = TwilioStreamError(field.value) }
    }

    /// A URL, a line end, a body: the signed request is valid, and every changed one is refused.
    static let signatures = FuzzTarget(name: "signatures") { input in
        let parts = input.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        let url = String(decoding: parts[0], as: UTF8.self)
        let body = parts.count > 1 ? Array(parts[1]) : []
        let validator = TwilioSignatureValidator(authToken: "token")
        _ = validator.signedURL(ofUpgrade: url, origin: "https://voice.example.com", signature: "x")
        _ = validator.signedURL(ofUpgrade: "/a", origin: url, signature: url, settings: url)
        guard let form = try? FormParameters(decoding: body) else { return }
        let signature = TwilioSignature.sign(url: url, parameters: form, key: "token")
        expect(validator.isValid(url: url, body: .form(form), signature: signature), "what is signed is not valid")
        expect(!validator.isValid(url: url, body: .form(form), signature: signature + "="), "a longer one is valid")
        expect(!validator.isValid(url: url, body: .form(form), signature: nil), "none is valid")
        var more = form
        more.append("A", "\(form.fields.count)-more")
        expect(!validator.isValid(url: url, body: .form(more), signature: signature), "another form is valid")
    }

    /// A status, then the body of the carrier's answer.
    static let twilioREST = FuzzTarget(name: "rest") { input in
        guard let first = input.first else { return }
        let status = 100 + Int(first) * 2
        let body = Array(input.dropFirst())
        let retryAfter = String(decoding: body.prefix(8), as: UTF8.self)
        _ = try? TwilioCallResource(status: status, retryAfter: retryAfter, body: body)
        _ = TwilioError(status: status, retryAfter: retryAfter, body: body)
    }
}
