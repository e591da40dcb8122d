import TalkpathAudio

/// Tells a capture the inputs of a call that are not messages.
///
/// Notes every report from outside and every request to the call before it takes effect: a replay repeats it at the
/// same instant, and compares the results.
extension CallSession {
    func capture(_ event: @autoclosure () -> CaptureEvent) {
        guard let tap = media.value.tap else { return }
        tap.note(event(), at: ports.clock.now)
    }

    /// Gives the media plane a tap, if this call is to be captured. Once, before ``begin()``.
    func beginCapture() {
        guard let captures = ports.captures else { return }
        let policy = parties.capture ?? agent.capture ?? captures.standard
        guard !policy.isNothing else { return }
        media.value.tap = captures.open(
            CaptureMetadata(
                callID: id,
                direction: direction,
                carrierCallID: parties.carrierCallID,
                hasCarrier: ports.carrier != nil,
                hasTools: ports.tools != nil,
                hasToolEndpoints: ports.toolEndpoints != nil,
                agent: agent,
                limits: limits,
                startedAt: machine.startedAt,
                startedOn: startedOn,
                policy: policy,
                secrets: [parties.from, parties.to]
                    + agent.succession.flatMap { agent in
                        [agent.apiKey, agent.fallback?.transferTo ?? ""] + agent.transferTargets.map(\.number)
                    }
            )
        )
    }
}
