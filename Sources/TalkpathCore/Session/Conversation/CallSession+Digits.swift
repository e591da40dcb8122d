import TalkpathAudio
import TalkpathWire

/// Takes the keys that the caller presses. They are never logged.
extension CallSession {
    /// Collects the caller's keys from now on. The agent does not get them.
    ///
    /// - Returns: when the number is complete, or the caller has hesitated too long; it may then be empty.
    /// - Throws: `CallCommandError`: `not_live` (also if the call ends meanwhile), `not_answered`, `busy` if another
    ///   request collects already.
    public func collectDigits(_ request: DigitRequest = DigitRequest()) async throws(CallCommandError)
        -> CollectedDigits
    {
        let result = await withCheckedContinuation { continuation in
            machine.happened(.collectionAsked)
            do throws(CallCommandError) {
                try checkLine()
                guard talk.collector == nil else {
                    throw CallCommandError(.busy, "another request collects this call's digits already")
                }
                capture(.collectionRequested(request))
                talk.collector = continuation
                talk.digits.collect(request, at: ports.clock.now)
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    func pressed(_ key: UInt8, at now: MonotonicInstant) {
        publish(.dtmf)
        // While a request collects digits, the agent does not learn them.
        if agentInUse.hearsDigits, talk.collector == nil { media.value.command(.key(key)) }
        if agentInUse.keysInterrupt, machine.isInConversation {
            media.value.interruptLocally(at: now)
            handleMediaEvents(at: now)
        }
        perform(talk.digits.pressed(Character(Unicode.Scalar(key)), at: now))
    }

    func perform(_ actions: [DigitInput.Action]) {
        for action in actions {
            switch action {
            case .collected(let digits):
                talk.collector?.resume(returning: .success(digits))
                talk.collector = nil
            case .tell(let words):
                prompt(words)
            }
        }
    }
}
