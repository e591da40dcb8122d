public import TalkpathAudio

/// An agent of your own in the same process: your speech pipeline (speech to text, language model, text to speech) in Swift,
/// without a socket.
///
/// Give it to a bridge under a name, and let a call's ``AgentProfile`` name it:
///
/// ```swift
/// struct Clinic: InProcessAgent {
///     func run(_ call: AgentCall) async throws {
///         for await event in call.events {
///             if case .say(let text) = event {
///                 try await call.respond { speech in try await speech.send(synthesize(text)) }
///             }
///         }
///     }
/// }
///
/// let bridge = TelephonyBridge(agents: ["clinic": Clinic()])
/// let call = InboundCall(from: from, to: to, agent: .inProcess("clinic"))
/// ```
///
/// One value serves all calls: Talkpath calls ``run(_:)`` once for each call, in a task of its own on Swift's thread pool.
/// Nothing that the agent does holds up the media of a call: audio and events wait in bounded queues, and a method of
/// ``AgentCall`` that sends waits while there is no room.
public protocol InProcessAgent: Sendable {
    /// The sample rate of ``AgentCall/callerAudio``; 16 kHz unless you say otherwise.
    var inputRate: AgentSampleRate { get }
    /// The sample rate of the samples given to ``AgentSpeech/send(_:)``; 16 kHz unless you say otherwise.
    var outputRate: AgentSampleRate { get }

    /// Serves one call, and returns when the call is over.
    ///
    /// * **The end.** ``AgentCall/events`` ends with ``AgentCallEvent/ended(_:)``; then both sequences are finished, and
    ///   every method that sends throws ``AgentCallIsOver``. The agent has ``AgentCall/grace`` to return by itself. Then
    ///   its task is cancelled, and after ``AgentCall/patience`` the end of the call waits no longer: an agent
    ///   that still runs is logged and left alone, because Swift cannot stop a task.
    /// * **Returning early, or throwing.** The call has lost its agent, as if a socket had broken: the caller stays on the
    ///   line, up to ten seconds of the caller's audio are kept, and `run` is called again, with a new ``AgentCall`` whose
    ///   ``AgentCallStart/conversation`` has the words so far. When the attempts are used up, the caller gets the profile's
    ///   `fallback`, or the call ends as `agent_lost`. Talkpath logs the type of a thrown error, never its words.
    /// * **Being slow.** The caller's audio that the agent does not read is kept for ten seconds; then further audio is
    ///   dropped, counted (`talkpath_dropped_milliseconds_total`) and logged once. An agent that leaves
    ///   ``AgentCall/mostEvents`` events unread is lost.
    func run(_ call: AgentCall) async throws
}

extension InProcessAgent {
    public var inputRate: AgentSampleRate { .hz16000 }
    public var outputRate: AgentSampleRate { .hz16000 }
}

/// A sample rate that an agent may choose.
public enum AgentSampleRate: Int, Sendable, CaseIterable {
    case hz8000 = 8000
    case hz16000 = 16000
    case hz24000 = 24000

    /// Linear, 16 bits, one channel.
    public var format: AudioFormat { AudioFormat(encoding: .pcm16, sampleRate: rawValue) }
}

/// The call is over for this agent: nothing that it sends arrives any more.
public struct AgentCallIsOver: Error, Equatable {
    public init() {}
}

/// The caller has interrupted this speech, or the agent has begun another: nothing more of it is heard.
public struct AgentSpeechInterrupted: Error, Equatable {
    public init() {}
}

extension AgentProfile {
    private static let inProcessScheme = "in-process:"

    /// An agent of this process, by the name under which the bridge or the server was given it.
    public static func inProcess(_ name: String, instructions: String = "") -> AgentProfile {
        .socket(url: inProcessScheme + name, instructions: instructions)
    }

    /// The name of the agent of this process that an address means; `nil` if it is a socket's.
    package static func inProcessName(inAddress address: String) -> String? {
        address.hasPrefix(inProcessScheme) ? String(address.dropFirst(inProcessScheme.count)) : nil
    }
}
