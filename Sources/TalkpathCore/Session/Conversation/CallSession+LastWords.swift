import TalkpathWire

/// The caller's last words: a model writes them down some time after it has heard them, and the caller may have left.
extension CallSession {
    /// The words that the model is still to write down when the call ends now.
    ///
    /// Only a caller who hangs up leaves words behind that are worth a wait. Everything else that ends a call is asked for by
    /// a client that waits for the end, or follows an answer to the caller's words.
    var lastWords: LastWords? {
        let now = ports.clock.now
        guard machine.requestOfEnd(at: now)?.reason == .callerHangup else { return nil }
        switch agentInUse.provider {
        case .openai, .gemini: break
        // Their words come with the speech, or are the agent's own concern.
        case .openaiLive, .socket: return nil
        }
        guard !talk.omittedSettings.contains(.transcription) else { return nil }
        return callerTurns.lastWords(at: callMilliseconds(at: now))
    }
}
