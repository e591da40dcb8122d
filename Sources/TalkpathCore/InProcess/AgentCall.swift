import Synchronization
import TalkpathAudio
public import TalkpathWire

/// One call, as an ``InProcessAgent`` sees it.
///
/// Safe to use from any task and thread. Every method that sends returns when the call's lane has taken the message, within a
/// fraction of a millisecond as a rule, and throws ``AgentCallIsOver`` once the call is over for this agent. The methods
/// allocate; they do so in the agent's task and never on the lane.
///
/// | subject | bound | beyond it |
/// |---|---|---|
/// | caller's audio that the agent has not read | ``mostCallerMilliseconds`` | further audio is dropped, counted, logged once |
/// | events that the agent has not read | ``mostEvents`` | the agent is lost |
/// | agent's audio that has not been sent to the caller | ``mostUnplayedMilliseconds`` | ``AgentSpeech/send(_:)`` waits |
/// | messages and chunks of the agent | 2000 a second, 20 000 at once | the sending method waits |
/// | a transcript | 32 kB | it is cut |
/// | names and ids; arguments of a function | 512 bytes; 256 kB | ``AgentCallEvent/fault(code:message:)``; cut |
public final class AgentCall: Sendable {
    /// The facts of the call when this run of the agent began.
    public let start: AgentCallStart
    /// The caller's audio at the agent's `inputRate`; for one reader.
    public let callerAudio: CallerAudio
    /// The events of the call, in order; for one reader. Read them always: they tell of interruptions and of the end.
    ///
    /// Events do not wait for the audio before them to be read. Those of the caller's turns tell their place in it.
    public let events: AsyncStream<AgentCallEvent>

    /// 10 s.
    public static let mostCallerMilliseconds = 10_000
    public static let mostEvents = 1000
    /// One minute.
    public static let mostUnplayedMilliseconds = 60_000
    /// From the end until the agent's task is cancelled.
    public static let grace = Duration.seconds(1)
    /// From the end until the call waits for the agent no longer.
    public static let patience = Duration.seconds(2)

    /// The name of the answer that is the call's end.
    static let endName = "end"

    private let line: any AgentLine
    private let answers: AgentCallAnswers
    /// Of one `send`: half a second.
    private let mostSamples: Int
    private let responses = Atomic<Int>(0)
    private let functions = Atomic<Int>(0)

    package init(start: AgentCallStart, source: AgentCallFeed.Source, line: any AgentLine) {
        self.start = start
        self.line = line
        callerAudio = source.audio
        events = source.events
        answers = source.answers
        mostSamples = source.outputFormat.sampleRate / 2
    }

    // MARK: Speaking

    /// Speaks: everything that `body` sends is one response, which ends when `body` returns.
    ///
    /// A response that is still open when the next one begins is ended, and what its `body` still sends throws
    /// ``AgentSpeechInterrupted``. To hear of interruptions meanwhile, read ``events`` in another task.
    ///
    /// - Returns: true if `body` has sent everything; false if ``AgentSpeechInterrupted`` came out of it.
    /// - Throws: what `body` throws. The response is then ended as cancelled or failed.
    @discardableResult
    public func respond(
        isolation: isolated (any Actor)? = #isolation,
        _ body: (AgentSpeech) async throws -> Void
    ) async throws -> Bool {
        let number = responses.wrappingAdd(1, ordering: .relaxed).newValue
        let begin: JSONValue = ["type": "response_start", "response": .string("\(number)")]
        try await line.send(.begin(response: number, begin.serialized()))
        do {
            try await body(AgentSpeech(response: number, line: line, mostSamples: mostSamples))
        } catch {
            let isFailure = !(error is AgentSpeechInterrupted || error is CancellationError)
            try? await end(number, isFailure ? "failed" : "cancelled")
            if error is AgentSpeechInterrupted { return false }
            throw error
        }
        try await end(number, "completed")
        return true
    }

    private func end(_ response: Int, _ status: String) async throws {
        let message: JSONValue = [
            "type": "response_end", "response": .string("\(response)"), "status": .string(status),
        ]
        try await line.send(.end(response: response, message.serialized()))
    }

    /// The caller has interrupted, by the agent's own detector: the line is cleared, and the open response ends.
    public func interrupt() async throws {
        let message: JSONValue = ["type": "interrupt"]
        try await line.send(.end(response: nil, message.serialized()))
    }

    /// Asks for ``AgentCallEvent/markPlayed(_:wasCut:)`` when the caller has heard everything so far. At most 64 wait.
    public func mark(_ name: String) async throws { try await send(["type": "mark", "name": .string(name)]) }

    // MARK: Words

    /// The caller's words, for the record, the events, the guards and the conversation after a lost agent.
    ///
    /// - Parameter isFinal: false extends the pieces of this turn before it; true replaces them.
    public func callerTranscript(_ text: String, isFinal: Bool = true) async throws {
        try await send(["type": "transcript", "speaker": "caller", "text": .string(text), "final": .bool(isFinal)])
    }

    // MARK: Functions

    /// Calls a function of ``AgentCallStart/tools``, and waits for its result: text, often JSON, also for an error.
    ///
    /// A task that is cancelled meanwhile gives up the result.
    public func call(function name: String, arguments: JSONValue = [:]) async throws -> String {
        let id = "f\(functions.wrappingAdd(1, ordering: .relaxed).newValue)"
        answers.expect(id)
        try await send(["type": "tool_call", "id": .string(id), "name": .string(name), "arguments": arguments])
        do {
            return try await answers.wait(for: id)["output"]?.string ?? ""
        } catch is CancellationError {
            try? await send(["type": "tool_cancel", "ids": [.string(id)]])
            throw CancellationError()
        }
    }

    /// Hands the caller over to a transfer target of the profile, after the agent's words so far: the function
    /// `transfer_call`.
    ///
    /// - Returns: the function's result. When the target has answered, this run of the agent is over.
    @discardableResult
    public func transfer(to target: String) async throws -> String {
        try await call(function: "transfer_call", arguments: ["to": .string(target)])
    }

    // MARK: The end

    /// Hangs up, and waits for the end of the call.
    ///
    /// - Parameters:
    ///   - afterSpeech: lets the caller hear what the agent has sent before.
    ///   - note: a reason for the receipt.
    /// - Returns: the account of the end. The whole receipt, with the carrier's confirmation, is a ``CallEvent``.
    @discardableResult
    public func end(afterSpeech: Bool = true, note: String? = nil) async throws -> AgentCallEnd {
        answers.expect(Self.endName)
        var message: JSONValue = ["type": "end", "drain": .bool(afterSpeech)]
        message.set("reason", note.map(JSONValue.string))
        try await send(message)
        let answer = try await answers.wait(for: Self.endName)
        guard case .ended(let end)? = AgentCallEvent(answer, sample: 0) else { throw AgentCallIsOver() }
        return end
    }

    private func send(_ message: JSONValue) async throws { try await line.send(.json(message)) }
}

/// A response of an in-process agent while it is being made; see ``AgentCall/respond(isolation:_:)``.
public struct AgentSpeech: Sendable {
    /// The number of the response, from 1 on, as events name it.
    public let response: Int
    let line: any AgentLine
    let mostSamples: Int

    /// Sends linear samples at the agent's `outputRate`, as many as you like, as fast as you have them: the caller hears
    /// them in real time. Waits while more than ``AgentCall/mostUnplayedMilliseconds`` have not been sent to the caller.
    ///
    /// - Throws: ``AgentSpeechInterrupted`` if the caller has interrupted this response or another has begun;
    ///   `CancellationError` if the task is cancelled while it waits; ``AgentCallIsOver``.
    public func send(_ samples: [Int16]) async throws {
        guard samples.count > mostSamples else {
            if !samples.isEmpty { try await line.send(.audio(samples, response: response)) }
            return
        }
        // Piece by piece, so that the lane is never held up for long.
        for from in stride(from: 0, to: samples.count, by: mostSamples) {
            let piece = samples[from..<min(samples.count, from + mostSamples)]
            try await line.send(.audio(Array(piece), response: response))
        }
    }

    /// The words of this response, for the record, the events, the guards and the conversation after a lost agent.
    ///
    /// - Parameter isFinal: false extends the pieces before it; true replaces them.
    public func transcript(_ text: String, isFinal: Bool = true) async throws {
        let message: JSONValue = [
            "type": "transcript", "speaker": "agent", "response": .string("\(response)"), "text": .string(text),
            "final": .bool(isFinal),
        ]
        try await line.send(.json(message))
    }
}
