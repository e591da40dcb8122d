/// One thing that stands in a capture.
package struct CaptureRecord: Equatable, Sendable {
    /// The raw values stand in files.
    package enum Kind: UInt8, Sendable {
        /// What the call was, before anything happened.
        case facts = 0
        /// A message of the carrier's media socket, or to it.
        case telephonyIn = 1
        case telephonyOut = 2
        /// A message of the model's socket, or to it.
        case agentIn = 3
        case agentOut = 4
        /// The 20 ms clock.
        case tick = 5
        /// What waited was handed to the sockets.
        case pump = 6
        /// A ``CaptureHappening``.
        case happening = 7
        /// Records that are missing here, because whoever writes them down was too slow.
        case gap = 8
        /// The call is over, and the capture whole.
        case finished = 9
        /// The session was told what the messages since the last of these have brought about.
        case note = 10
    }

    package var kind: Kind
    /// Since the call began.
    package var at: Duration
    package var content: Content

    package init(_ kind: Kind, at: Duration, _ content: Content = .none) {
        self.kind = kind
        self.at = at
        self.content = content
    }

    package enum Content: Equatable, Sendable {
        case none
        case message(CaptureMessage)
        case happening(CaptureHappening)
        case gap(records: Int, bytes: Int)
    }

    package var message: CaptureMessage? {
        if case .message(let message) = content { message } else { nil }
    }

    package var happening: CaptureHappening? {
        if case .happening(let happening) = content { happening } else { nil }
    }
}

/// A socket's message, its audio apart from its text.
package struct CaptureMessage: Equatable, Sendable {
    /// The longest base64 text of the message, if it is long enough to be audio.
    package enum Audio: Equatable, Sendable {
        case none
        /// What it stood for.
        case bytes([UInt8])
        /// Only its length and the first eight bytes of its SHA-256 were kept.
        case digest(count: Int, digest: UInt64)
    }

    /// What stands before and behind the audio; all of it where there is none.
    package var prefix: [UInt8]
    package var audio: Audio
    package var suffix: [UInt8]

    package init(prefix: [UInt8], audio: Audio = .none, suffix: [UInt8] = []) {
        self.prefix = prefix
        self.audio = audio
        self.suffix = suffix
    }
}
