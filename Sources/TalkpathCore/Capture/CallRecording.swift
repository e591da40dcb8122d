package import TalkpathAudio
import TalkpathWire

/// A call's audio, reconstructed from the messages of the carrier's socket: 8 kHz, the caller left, the agent right,
/// zero at the start of the media stream.
///
/// The `timestamp` of a message gives the place of the caller's audio. The agent's audio is placed where it must have
/// been played: a message begins when it was sent, or when everything before it had been played, whichever is later.
/// Audio that was cleared before its time is left out, and so is audio that had not been played at the end.
///
/// Sans-IO, and not for the media thread: it decodes, and it allocates.
package struct CallRecording: Sendable {
    /// One side's samples that may still change.
    private struct Track: Sendable {
        /// The position of the first sample in `samples`.
        var base = 0
        var samples: [Int16] = []
        var end: Int { base + samples.count }

        /// Writes audio at a position. Audio before ``base`` is left out; a hole becomes silence.
        mutating func put(_ audio: [Int16], at position: Int) {
            let skipped = max(0, base - position)
            guard skipped < audio.count else { return }
            let begin = max(position, base) - base
            if begin > samples.count { samples += repeatElement(0, count: begin - samples.count) }
            let count = audio.count - skipped
            if begin + count > samples.count { samples += repeatElement(0, count: begin + count - samples.count) }
            for index in 0..<count { samples[begin + index] = audio[skipped + index] }
        }

        mutating func cut(at position: Int) {
            if position < end { samples.removeLast(end - max(position, base)) }
        }

        mutating func take(upTo position: Int) -> [Int16] {
            let count = max(0, position - base)
            var taken = Array(samples.prefix(count))
            taken += repeatElement(0, count: count - taken.count)
            samples.removeFirst(min(count, samples.count))
            base += count
            return taken
        }
    }

    package static let sampleRate = 8000
    /// The lateness, in samples, up to which a caller's frame is still put in its place.
    private static let settling = 2 * sampleRate
    /// The farthest, in samples, that a timestamp may lie ahead of now. A larger one is invalid and must not add hours
    /// of silence.
    private static let farthest = 60 * sampleRate

    /// The instant at which the stream began.
    package private(set) var beganOn: MonotonicInstant?
    private var codec = TwilioMediaStreamsCodec()
    private var clock = StreamClock(bytesPerMillisecond: sampleRate / 1000)
    /// Samples of invalid gaps that are left out of the recording.
    private var skipped = 0
    private var caller = Track()
    private var agent = Track()
    private var now = 0
    private var hasStopped = false

    package init() {}

    package mutating func take(_ kind: CaptureRecord.Kind, at instant: MonotonicInstant, content: RawSpan) {
        if let beganOn, !hasStopped { now = max(now, Self.samples(instant - beganOn)) }
        switch kind {
        case .telephonyIn: takeMessage(content, at: instant)
        case .telephonyOut: takeSent(content)
        case .facts, .agentIn, .agentOut, .agentAudioIn, .agentAudioOut, .tick, .pump, .note, .event, .gap,
            .finished:
            break
        }
    }

    /// The samples that no later message can change; the channels interleaved.
    package mutating func takeSettled() -> [Int16] {
        interleave(upTo: max(caller.base, now - Self.settling))
    }

    /// The remaining samples.
    package mutating func finish() -> [Int16] {
        agent.cut(at: now)
        return interleave(upTo: max(caller.end, agent.end))
    }

    private mutating func interleave(upTo position: Int) -> [Int16] {
        let left = caller.take(upTo: position)
        let right = agent.take(upTo: position)
        var samples: [Int16] = []
        samples.reserveCapacity(2 * left.count)
        for index in left.indices {
            samples.append(left[index])
            samples.append(right[index])
        }
        return samples
    }

    private mutating func takeMessage(_ message: RawSpan, at instant: MonotonicInstant) {
        guard let event = try? codec.receive(message) else { return }
        switch event {
        case .started:
            if beganOn == nil { beganOn = instant }
        case .media(let media):
            guard beganOn != nil, let audio = Self.audio(media.payload, in: message) else { return }
            let place = clock.place(sequence: media.sequence, timestamp: media.timestamp, bytes: audio.count)
            var position = Int(clamping: place.begin) - skipped
            if position > now + Self.farthest {
                skipped += position - now
                position = now
            }
            caller.put(audio, at: position)
        case .stopped:
            hasStopped = true
        case .connected, .dtmf, .mark, .ignored:
            break
        }
    }

    /// Recognises our own messages by their start, without a parser.
    private mutating func takeSent(_ message: RawSpan) {
        guard beganOn != nil, !hasStopped else { return }
        let parts = CaptureMessage(message)
        if parts.prefix.starts(with: Self.clearMark) {
            agent.cut(at: now)
        } else if parts.prefix.starts(with: Self.mediaMark) {
            agent.put(Self.audio(parts, in: message), at: max(now, agent.end))
        }
    }

    private static let clearMark = Array(#"{"event":"clear""#.utf8)
    private static let mediaMark = Array(#"{"event":"media""#.utf8)

    private static func audio(_ payload: WirePayload, in message: RawSpan) -> [Int16]? {
        var bytes = [UInt8](repeating: 0, count: payload.decodedCount(in: message))
        var target = bytes.mutableSpan
        guard (try? payload.decode(from: message, into: &target)) != nil else { return nil }
        return bytes.map(MuLaw.decode)
    }

    private static func audio(_ parts: CaptureMessage, in message: RawSpan) -> [Int16] {
        if case .bytes(let bytes) = parts.audio { return bytes.map(MuLaw.decode) }
        // The payload was too short for ``CaptureMessage`` to take it for audio.
        guard let json = try? JSONValue(parsing: message), let text = json["media"]?["payload"]?.string else {
            return []
        }
        return audio(.unescaped(Array(text.utf8)), in: message) ?? []
    }

    private static func samples(_ duration: Duration) -> Int {
        Int(clamping: duration.wholeNanoseconds / (1_000_000_000 / Int64(sampleRate)))
    }
}
