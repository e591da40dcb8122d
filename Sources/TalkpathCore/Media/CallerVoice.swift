package import TalkpathAudio

/// Detects whether the caller is speaking, on the line itself, as the audio arrives.
///
/// The model's own notice of speech comes late, and not from every provider. So turn latency, idle timers and local
/// barge-in use this detector. It costs a level measurement per frame. Confined to the call's loop; allocates nothing
/// after `init`.
package struct CallerVoice: ~Copyable {
    package let format: AudioFormat

    /// The instant at which the latest audio arrived, silence included.
    package private(set) var lastAudio: MonotonicInstant?
    /// The instant of the latest frame above ``floor``: louder than a line without a caller.
    package private(set) var lastSound: MonotonicInstant?
    /// The instant of the latest frame that counts as speech.
    package private(set) var lastSpeech: MonotonicInstant?
    /// True during speech, including its short pauses.
    package var isSpeaking: Bool { detector.isSpeech }

    /// The level in dBFS between a dead line and a live one: a dead line's noise has −65 or less, a room's −55 or more.
    static let floor = -60.0
    private static let floorPower = 1e-6

    private var detector: VoiceActivityDetector
    /// The start of a frame whose rest has not arrived.
    private let partial: Scratch<UInt8>
    private var partialCount = 0
    private let samples: Scratch<Int16>

    package init(format: AudioFormat, configuration: VoiceActivityDetector.Configuration = .init()) {
        self.format = format
        detector = VoiceActivityDetector(configuration: configuration)
        partial = Scratch(repeating: 0, count: format.frameBytes)
        samples = Scratch(repeating: 0, count: format.encoding == .mulaw ? 0 : format.frameSamples)
    }

    /// Processes audio of any length.
    ///
    /// - Returns: the last transition in it, if there was one.
    package mutating func hear(_ bytes: RawSpan, at now: MonotonicInstant) -> VoiceActivityDetector.Transition? {
        guard bytes.byteCount > 0 else { return nil }
        lastAudio = now
        return process(bytes, at: now)
    }

    /// Processes silence in place of audio that the line did not bring.
    ///
    /// - Returns: the last transition in it, if there was one.
    mutating func missed(_ silence: RawSpan, at now: MonotonicInstant) -> VoiceActivityDetector.Transition? {
        process(silence, at: now)
    }

    private mutating func process(_ bytes: RawSpan, at now: MonotonicInstant) -> VoiceActivityDetector.Transition? {
        var transition: VoiceActivityDetector.Transition?
        var offset = 0
        if partialCount > 0 {
            offset = fillPartial(from: bytes)
            guard partialCount == format.frameBytes else { return nil }
            partialCount = 0
            let memory = partial.memory
            transition = hear(frame: memory.span.bytes, at: now)
        }
        while offset + format.frameBytes <= bytes.byteCount {
            let frame = bytes.extracting(offset..<offset + format.frameBytes)
            transition = hear(frame: frame, at: now) ?? transition
            offset += format.frameBytes
        }
        if offset < bytes.byteCount { _ = fillPartial(from: bytes.extracting(offset..<bytes.byteCount)) }
        return transition
    }

    /// - Returns: the number of bytes used.
    private mutating func fillPartial(from bytes: RawSpan) -> Int {
        let count = min(bytes.byteCount, format.frameBytes - partialCount)
        bytes.withUnsafeBytes { source in
            let target = UnsafeMutableRawBufferPointer(partial.memory)
            // Safety: the source has `count` bytes, and the frame has room for them after `partialCount`.
            target.baseAddress?.advanced(by: partialCount).copyMemory(from: source.baseAddress!, byteCount: count)
        }
        partialCount += count
        return count
    }

    private mutating func hear(frame: RawSpan, at now: MonotonicInstant) -> VoiceActivityDetector.Transition? {
        let transition: VoiceActivityDetector.Transition?
        switch format.encoding {
        case .mulaw:
            transition = detector.process(muLaw: frame)
        case .alaw:
            let memory = samples.memory
            var target = memory.mutableSpan
            _ = ALaw.decode(frame, into: &target)
            transition = detector.process(memory.span)
        case .pcm16:
            let memory = samples.memory
            frame.withUnsafeBytes { UnsafeMutableRawBufferPointer(memory).copyMemory(from: $0) }
            transition = detector.process(memory.span)
        }
        if detector.isLoud { lastSpeech = now }
        if detector.framePower > Self.floorPower { lastSound = now }
        return transition
    }
}
