/// One entry of a capture.
package struct CaptureRecord: Equatable, Sendable {
    /// The raw values are part of the file format.
    package enum Kind: UInt8, Sendable {
        /// The description of the call at its start.
        case facts = 0
        /// A message from the carrier's media socket, or to it.
        case telephonyIn = 1
        case telephonyOut = 2
        /// A message from the model's socket, or to it.
        case agentIn = 3
        case agentOut = 4
        /// A tick of the 20 ms clock.
        case tick = 5
        /// The waiting messages were handed to the sockets.
        case pump = 6
        /// A ``CaptureEvent``.
        case event = 7
        /// Records that are missing here, because the writing thread was too slow.
        case gap = 8
        /// The call is over, and the capture is complete.
        case finished = 9
        /// The session took over the media plane's events since the last such record.
        case note = 10
        /// A binary message from the agent's socket, or to it: audio and nothing else.
        case agentAudioIn = 11
        case agentAudioOut = 12
    }

    package var kind: Kind
    /// The time since the call's start.
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
        case event(CaptureEvent)
        case gap(records: Int, bytes: Int)
    }

    package var message: CaptureMessage? {
        if case .message(let message) = content { message } else { nil }
    }

    package var event: CaptureEvent? {
        if case .event(let event) = content { event } else { nil }
    }
}

/// A socket's message, with its audio separated from its text.
package struct CaptureMessage: Equatable, Sendable {
    /// The message's longest Base64 text, if it is long enough to be audio.
    package enum Audio: Equatable, Sendable {
        case none
        /// The decoded bytes.
        case bytes([UInt8])
        /// Only the audio's length and the first eight bytes of its SHA-256 were kept.
        case digest(count: Int, digest: UInt64)
    }

    /// The text before and after the audio; without audio, all of it is in `prefix`.
    package var prefix: [UInt8]
    package var audio: Audio
    package var suffix: [UInt8]

    package init(prefix: [UInt8], audio: Audio = .none, suffix: [UInt8] = []) {
        self.prefix = prefix
        self.audio = audio
        self.suffix = suffix
    }
}
