public import TalkpathAudio

/// The script of the person on the phone, who says things, presses keys, listens and hangs up.
///
/// When the agent speaks is judged by the audio that really reaches the person's ear, as a person would.
public struct PhoneScript: Sendable, Hashable {
    public struct Turn: Sendable, Hashable {
        public enum Moment: Sendable, Hashable {
            /// That long after the stream began.
            case start(after: Duration)
            /// That long after the agent has been heard to begin: an interruption.
            case agentStarts(after: Duration)
            /// That long after the agent has fallen silent.
            case agentEnds(after: Duration)
            /// That long after the end of the turn before.
            case previous(after: Duration)
        }

        public enum Content: Sendable, Hashable {
            /// Linear samples at 8 kHz.
            case speech([Int16])
            /// Keys: 0–9, * and #, each 100 ms long. The carrier takes the tones out of the audio.
            case keys(String)
        }

        public var moment: Moment
        public var content: Content
        /// The words, for comparisons of transcripts.
        public var text: String
        /// The time to wait for a silent agent before speaking anyway; nil: for ever.
        public var patience: Duration?

        public init(_ moment: Moment, _ content: Content, text: String = "", patience: Duration? = nil) {
            self.moment = moment
            self.content = content
            self.text = text
            self.patience = patience
        }
    }

    public enum Ending: Sendable, Hashable {
        /// Stays on the line and says nothing more.
        case staysSilent
        /// Hangs up that long after the last turn.
        case hangsUp(after: Duration)
        /// Hangs up that long after the agent has fallen silent for the first time since the last turn.
        case hangsUpWhenAgentEnds(after: Duration)
    }

    public var turns: [Turn]
    public var ending: Ending
    /// The line's noise while the person is silent, in dBFS; nil: digital silence.
    public var noiseLevel: Double?
    /// Instead of noise made up: samples at 8 kHz that are repeated while the person is silent. Empty: none.
    public var background: [Int16]
    /// The thresholds by which the person's ear tells speech from silence.
    public var ear: VoiceActivityDetector.Configuration

    /// The standard ear: it notices speech after 60 ms and its end after 400 ms.
    public static let defaultEar = VoiceActivityDetector.Configuration(
        onset: .milliseconds(60),
        hangover: .milliseconds(400),
        minimumLevel: -45
    )

    public init(
        turns: [Turn] = [],
        ending: Ending = .staysSilent,
        noiseLevel: Double? = -72,
        background: [Int16] = [],
        ear: VoiceActivityDetector.Configuration = PhoneScript.defaultEar
    ) {
        self.turns = turns
        self.ending = ending
        self.noiseLevel = noiseLevel
        self.background = background
        self.ear = ear
    }

    /// Says nothing and stays.
    public static let silent = PhoneScript()
}
