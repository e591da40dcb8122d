public import TalkpathAudio

/// The record of one media stream, and of the audio that the caller heard. All instants are on the simulator's clock.
public struct MediaStreamRecord: Sendable {
    public struct SentFrame: Sendable, Hashable {
        public var instant: MonotonicInstant
        /// Audio sent so far, this frame included.
        public var cumulativeMilliseconds: Int
    }

    public struct ReceivedMedia: Sendable, Hashable {
        public var instant: MonotonicInstant
        public var bytes: Int
        /// Bytes of audio received so far, this message included.
        public var cumulativeBytes: Int
    }

    public struct Clear: Sendable, Hashable {
        public var instant: MonotonicInstant
        /// Audio that was still waiting and is now never heard.
        public var discardedMilliseconds: Int
        public var marks: Int
        /// The ear's place in the stream when it came.
        public var position: Duration
    }

    public struct Mark: Sendable, Hashable {
        public var name: String
        public var receivedAt: MonotonicInstant
        /// nil while it waits.
        public var echoedAt: MonotonicInstant?
        /// The echo came from a clear, not because the audio before it was played.
        public var wasCleared = false
    }

    /// A message that the carrier would throw away with warning 31951, or worse.
    public struct Violation: Sendable, Hashable, CustomStringConvertible {
        public var instant: MonotonicInstant
        /// The carrier's code: 31951 for malformed messages, 31931 for a full queue.
        public var code: Int
        public var detail: String

        public var description: String { "\(code): \(detail)" }
    }

    public struct Moment: Sendable, Hashable {
        public var instant: MonotonicInstant
        public var event: PhoneUserModel.Event
    }

    public var streamSID: String
    /// The instant at which the first frame was due.
    public var start: MonotonicInstant
    public var framesSent: [SentFrame] = []
    public var mediaReceived: [ReceivedMedia] = []
    public var clears: [Clear] = []
    public var marks: [Mark] = []
    public var violations: [Violation] = []
    /// The actions of the person, and the sounds that the person heard.
    public var moments: [Moment] = []
    /// µ-law at 8 kHz from `start` on: what reached the caller's ear, silence where nothing played.
    public var heard: [UInt8] = []
    /// µ-law at 8 kHz from `start` on: the caller's audio.
    public var said: [UInt8] = []
    /// Bytes of received audio that were played; the rest was cleared, overflowed or is still waiting.
    public var playedBytes = 0
    public var queuedBytes = 0

    public init(streamSID: String, start: MonotonicInstant) {
        self.streamSID = streamSID
        self.start = start
    }

    /// ``heard`` as linear samples at 8 kHz.
    public var heardSamples: [Int16] { heard.map(MuLaw.decode) }

    /// ``said`` as linear samples at 8 kHz.
    public var saidSamples: [Int16] { said.map(MuLaw.decode) }
}
