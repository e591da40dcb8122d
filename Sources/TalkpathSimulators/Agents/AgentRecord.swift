public import TalkpathAudio

/// The record of one session with a fake model. All instants are on the simulator's clock.
public struct AgentRecord: Sendable {
    public struct AudioStamp: Sendable, Hashable {
        public var instant: MonotonicInstant
        /// The audio so far, including this piece.
        public var cumulativeMilliseconds: Int
    }

    /// One utterance of the model.
    public struct Item: Sendable, Hashable {
        public var id: String
        public var transcript: String
        /// The audio that was sent, in the session's output format.
        public var audio: [UInt8] = []
        public var producedBytes = 0
        public var sent: [AudioStamp] = []
        /// The part that the caller has heard, as the model believes, in milliseconds: all that was produced, until
        /// the client reports less.
        public var heardMilliseconds: Int?
        public var wasInterrupted = false
        public var isComplete = false
    }

    public struct CallerTurn: Sendable, Hashable {
        /// On the input clock: milliseconds of audio received.
        public var startMilliseconds: Int
        public var endMilliseconds: Int?
        public var startedAt: MonotonicInstant
        public var endedAt: MonotonicInstant?
        public var text: String?
    }

    public struct Truncation: Sendable, Hashable {
        public var instant: MonotonicInstant
        public var itemID: String
        public var audioEndMilliseconds: Int
        /// The audio of the item that had been produced by then.
        public var producedMilliseconds: Int
    }

    public struct Violation: Sendable, Hashable, CustomStringConvertible {
        public var instant: MonotonicInstant
        public var detail: String
        public var description: String { detail }
    }

    public struct ToolResult: Sendable, Hashable {
        public var callID: String
        public var output: String
    }

    /// Counts the server's sessions from 0.
    public var session: Int
    public var model: String
    public var openedAt: MonotonicInstant
    /// The time when the configuration was confirmed.
    public var readyAt: MonotonicInstant?
    public var inputFormat: AudioFormat
    public var outputFormat: AudioFormat
    /// The caller's audio as received, in `inputFormat`, if it is kept.
    public var audioReceived: [UInt8] = []
    public var arrivals: [AudioStamp] = []
    public var items: [Item] = []
    public var callerTurns: [CallerTurn] = []
    public var truncations: [Truncation] = []
    public var violations: [Violation] = []
    public var toolResults: [ToolResult] = []
    /// Texts that the client put into the conversation.
    public var textsReceived: [String] = []
    /// The session's configuration, as JSON.
    public var configuration = ""
    /// The kinds of all received messages except audio, in order.
    public var messages: [String] = []
    /// The handle with which this session resumed another one (Gemini).
    public var resumedHandle: String?
    /// The close code once the socket is closed; 1006 without a close frame.
    public var closeCode: Int?

    public init(
        session: Int,
        model: String,
        openedAt: MonotonicInstant,
        inputFormat: AudioFormat,
        outputFormat: AudioFormat
    ) {
        self.session = session
        self.model = model
        self.openedAt = openedAt
        self.inputFormat = inputFormat
        self.outputFormat = outputFormat
    }

    /// The caller's audio as linear samples at the input's rate.
    public var receivedSamples: [Int16] { Samples.decode(audioReceived, inputFormat) }

    /// All audio of the model as linear samples at the output's rate, item after item.
    public var sentSamples: [Int16] { items.flatMap { Samples.decode($0.audio, outputFormat) } }
}
