import TalkpathWire

/// The caller's last words: a model writes them down some time after it has heard them, and the caller may have left.
extension CallSession {
    /// The words that the model is still to write down when the call ends now.
    var lastWords: LastWords? {
        switch agentInUse.provider {
        case .openai, .gemini: break
        // Their words come with the speech, or are the agent's own concern.
        case .openaiLive, .socket: return nil
        }
        guard !talk.omittedSettings.contains(.transcription) else { return nil }
        return callerTurns.lastWords(at: callMilliseconds(at: ports.clock.now))
    }
}
