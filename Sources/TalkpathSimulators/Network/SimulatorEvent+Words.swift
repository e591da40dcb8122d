extension SimulatorEvent.Kind {
    /// The event as a clause for people.
    package var words: String { carrierWords ?? personWords ?? modelWords ?? trouble }

    private var carrierWords: String? {
        switch self {
        case .request(let method, let path, 0): "\(method) \(path): left without an answer"
        case .request(let method, let path, let status): "\(method) \(path): answered \(status)"
        case .webhook(let event, 0): "webhook \(event): no answer"
        case .webhook(let event, let status): "webhook \(event): the server answered \(status)"
        case .callStatus(let status): "the call is \(status)"
        case .streamOpened: "the media socket is open"
        case .streamRefused(let reason): "the media socket was refused: \(reason)"
        case .streamStarted(let sid): "the media stream \(sid) begins"
        case .streamStopped: "the media stream ends"
        case .streamClosed(let code): "the media socket was closed with \(code)"
        case .streamCleared(let marks): "the line was cleared, with \(marks) marks"
        case .markPlayed(let name): "the mark \(name) was played"
        case .dtmf(let digit): "the caller presses \(digit)"
        default: nil
        }
    }

    private var personWords: String? {
        switch self {
        case .userStarted(let turn): "the caller begins turn \(turn + 1)"
        case .userEnded(let turn): "the caller ends turn \(turn + 1)"
        case .agentHeard: "the agent is heard"
        case .agentFellSilent: "the agent is silent"
        default: nil
        }
    }

    private var modelWords: String? {
        switch self {
        case .connected(let session): "session \(session) is connected"
        case .connectionRefused(let status): "a connection was refused with \(status)"
        case .sessionReady: "the session is ready"
        case .callerSpeechStarted(let at): "the caller's speech begins at \(at) ms"
        case .callerSpeechEnded(let at): "the caller's speech ends at \(at) ms"
        case .callerTranscript(let text): "the caller said: \(text)"
        case .answerStarted(let item): "the answer \(item) begins"
        case .answerEnded(let item, let length, let isCut):
            "the answer \(item) ends after \(length) ms\(isCut ? ", interrupted" : "")"
        case .agentTranscript(let text): "the agent said: \(text)"
        case .truncated(let item, let heard): "the server told that \(heard) ms of \(item) were heard"
        case .toolCalled(let name): "the function \(name) is called"
        case .toolAnswered(let id): "the function's answer \(id) has come"
        case .disconnected(let code): "the session was closed with \(code)"
        default: nil
        }
    }

    private var trouble: String {
        switch self {
        case .violation(let text): "VIOLATION: \(text)"
        case .fault(let text): "fault: \(text)"
        default: "something else"
        }
    }
}
