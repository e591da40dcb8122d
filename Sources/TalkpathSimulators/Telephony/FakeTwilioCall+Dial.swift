internal import TalkpathAudio

/// `<Dial>`: another party for the caller.
extension FakeTwilioCall {
    /// - Returns: nil if the instructions behind it are to be followed.
    func play(_ dial: TwiML.Dial) async -> Outcome? {
        base.dialled.append(dial.number)
        let leg = Identifiers.make("CA")
        let (fate, callbacks) = (behavior.dialled.fate, behavior.dialled.callbacks)
        let status: String
        switch fate {
        case .answers(let ringing):
            if let outcome = await pass(ringing) { return outcome }
            report("answered", status: "in-progress", of: leg, dial)
            if let outcome = await pass(behavior.dialDuration) { return outcome }
            status = "completed"
        case .busy: status = "busy"
        case .noAnswer:
            if let outcome = await pass(.seconds(dial.timeout)) { return outcome }
            status = "no-answer"
        case .fails: status = "failed"
        }
        report("completed", status: status, of: leg, dial)
        guard let action = dial.action else { return nil }
        if case .late(let delay) = callbacks, let outcome = await pass(delay) { return outcome }
        guard callbacks != .lost else {
            fault(11200, "the Dial's action could not be asked")
            return .over(status: "completed")
        }
        let fields = [("DialCallStatus", status), ("DialCallSid", leg), ("DialCallDuration", "1")]
        if callbacks == .repeated {
            var form = self.fields(status: base.status)
            for field in fields { form.append(field.0, field.1) }
            note(
                event: "action",
                url: action,
                form: form,
                answer: await webhooks.send(form, to: action, method: "POST")
            )
        }
        questionFields = fields
        return .redirected(.url(action, method: "POST"))
    }

    private func report(_ event: String, status: String, of leg: String, _ dial: TwiML.Dial) {
        guard let url = dial.statusCallback, dial.statusEvents.contains(event) else { return }
        let callbacks = behavior.dialled.callbacks
        guard callbacks != .lost, callbacks != .statusLost else { return }
        let form = FormFields([
            ("CallSid", leg), ("ParentCallSid", sid), ("AccountSid", configuration.accountSID), ("From", base.from),
            ("To", dial.number), ("CallStatus", status), ("Direction", "outbound-dial"),
            ("CallbackSource", "call-progress-events"),
        ])
        for _ in 0..<(callbacks == .repeated ? 2 : 1) { post(form, to: url, event: "dial-\(event)") }
    }
}
