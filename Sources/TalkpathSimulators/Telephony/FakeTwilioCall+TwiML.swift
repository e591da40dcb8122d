internal import TalkpathAudio

/// Following instructions.
extension FakeTwilioCall {
    /// Follows instructions, and those they are redirected to, until the call is over.
    /// - Returns: the status to end with.
    func follow(_ source: CallRequest.Source) async -> String {
        var source = source
        while true {
            let outcome: Outcome
            switch await instructions(source) {
            case .success(let twiml): outcome = await play(twiml)
            case .failure(let stop): outcome = stop.outcome
            }
            switch outcome {
            case .redirected(let next): source = next
            case .over(let status): return status
            case .aborted: return "completed"
            }
        }
    }

    private struct Stop: Error {
        var outcome: Outcome
    }

    /// Gets the TwiML.
    private func instructions(_ source: CallRequest.Source) async -> Result<TwiML, Stop> {
        switch source {
        case .inline(let text): return parse(text)
        case .url(let url, let method):
            var form = fields(status: base.status == "queued" ? "in-progress" : base.status)
            for field in questionFields { form.append(field.name, field.value) }
            questionFields = []
            if request.detectsMachine, request.detectionCallback == nil {
                form.append("AnsweredBy", behavior.answeredBy)
            }
            let sent = form
            Task {
                let answer = await webhooks.send(sent, to: url, method: method)
                note(event: "voice", url: url, form: sent, answer: answer)
                signal(.webhook(answer))
            }
            while let signal = await nextSignal(until: nil) {
                if let outcome = outcome(of: signal) { return .failure(Stop(outcome: outcome)) }
                guard case .webhook(let answer) = signal else { continue }
                guard (200...299).contains(answer.status) else { return .failure(failure()) }
                let type = answer.contentType.lowercased()
                guard ["text/xml", "application/xml", "text/html"].contains(where: { type.hasPrefix($0) }) else {
                    fault(12300, "the TwiML's content type is \(answer.contentType)")
                    return .failure(failure())
                }
                return parse(answer.body)
            }
            return .failure(failure())
        }
    }

    private func parse(_ text: String) -> Result<TwiML, Stop> {
        do throws(TwiML.Fault) {
            return .success(try TwiML(parsing: text))
        } catch {
            fault(error.code, error.detail)
            return .failure(failure())
        }
    }

    /// "An application error has occurred. Goodbye."
    private func failure() -> Stop {
        Stop(outcome: .over(status: base.status == "in-progress" ? "completed" : "failed"))
    }

    private func play(_ twiml: TwiML) async -> Outcome {
        for verb in twiml.verbs {
            if case .reject(let reason) = verb {
                guard base.direction == "inbound" else { return .over(status: "completed") }
                return .over(status: reason == "busy" ? "busy" : "no-answer")
            }
            answer()
            if let outcome = await play(verb) { return outcome }
        }
        return .over(status: "completed")
    }

    private func play(_ verb: TwiML.Verb) async -> Outcome? {
        switch verb {
        case .hangup, .reject: return .over(status: "completed")
        case .redirect(let url): return .redirected(.url(url, method: "POST"))
        case .pause(let seconds): return await pass(.seconds(seconds))
        case .say(let text):
            base.said.append(text)
            // About 15 characters a second.
            return await pass(.milliseconds(65 * text.count))
        case .dial(let dial): return await play(dial)
        case .connectStream(let stream): return await connect(stream)
        }
    }

    func pass(_ duration: Duration) async -> Outcome? {
        let deadline = clock.now() + duration
        while let signal = await nextSignal(until: deadline) {
            if let outcome = outcome(of: signal) { return outcome }
        }
        return nil
    }

    /// Connects the media stream and stays until it is over.
    /// - Returns: nil if the instructions behind it are to be followed: the other side has closed the socket.
    private func connect(_ stream: TwiML.Stream) async -> Outcome? {
        open(stream)
        while let signal = await nextSignal(until: nil) {
            if let outcome = outcome(of: signal) {
                stopStream()
                return outcome
            }
            switch signal {
            case .socketFailed(let detail):
                fault(31920, detail)
                publish(.streamRefused(reason: detail))
                return nil
            case .streamClosed: return nil
            case .webhook, .end, .redirect, .hungUp, .abort: continue
            }
        }
        return nil
    }
}
