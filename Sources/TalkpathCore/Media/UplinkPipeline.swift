package import TalkpathAudio
import TalkpathWire

/// The way of the caller's audio to the agent, from the carrier's base64 to the provider's message.
///
///     ingest:  base64 -> bytes -> duplicates dropped, gaps filled -> ring
///     drain:   ring -> decode -> resample -> agent codec -> outbox
///
/// The ring holds what the caller says while the agent's socket opens or reopens, ten seconds of it; it is in the
/// telephony leg's own encoding, so that its fill tells milliseconds. With a ring leg the embedder's audio thread
/// writes into the ring and `ingest` is not used.
///
/// Confined to the call's loop. Nothing is allocated per frame.
package struct UplinkPipeline: ~Copyable {
    package struct Counters: Sendable, Equatable {
        /// Messages of audio taken in.
        package var frames = 0
        package var bytes = 0
        /// Bytes handed to the agent's codec, before conversion.
        package var bytesToAgent = 0
        /// Messages that came twice, or out of order: dropped.
        package var duplicates = 0
        /// Sequence numbers and timestamps outside their window: passed over, their audio taken.
        package var outliers = 0
        /// How often the stream's clock was set anew, because its numbers had begun anew or stood still.
        package var resynchronisations = 0
        /// Stretches of time without audio.
        package var gaps = 0
        /// Silence put in for them.
        package var filledMilliseconds = 0
        /// Audio that came while the ring was full: lost.
        package var droppedBytes = 0
        /// Payloads that were empty or no base64.
        package var badPayloads = 0
        /// Chunks lost because the resampler failed.
        package var failedConversions = 0
        /// The most audio that was kept for an agent who was not there.
        package var longestWaitMilliseconds = 0
    }

    package private(set) var counters = Counters()
    package let format: AudioFormat
    /// The agent gets silence instead of what the caller says.
    var isMuted = false
    /// The same, while the agent greets the caller.
    var isWithheld = false

    private var producer: ByteRing.Producer?
    private var consumer: ByteRing.Consumer
    private var converter: AudioConverter
    /// Whether the caller speaks, as heard on arrival; with a ring leg, when the audio is taken out of the ring.
    package private(set) var voice: CallerVoice
    private let hearsOnArrival: Bool
    /// Ears for local barge-in, harder of hearing than ``voice``: a word, not an echo or a cough.
    private var intruder: CallerVoice?
    private var hasIntrusion = false
    private var transition: VoiceActivityDetector.Transition?

    private var clock: StreamClock
    private var decoded: Scratch<UInt8>
    private let chunk: Scratch<UInt8>

    /// Of a longer gap no more than this is filled: the stream was interrupted, and nobody waits for its silence.
    private static let longestFill: Int64 = 200
    /// What goes into one message at most, when a backlog is drained: 100 ms.
    private static let chunkMilliseconds = 100

    /// - Throws: `ResamplerError` if the formats' sample rates have no filter.
    init(
        from format: AudioFormat,
        to agent: AudioFormat,
        engine: ResamplerEngine = .default,
        producer: consuming ByteRing.Producer?,
        consumer: consuming ByteRing.Consumer,
        hearsIntrusion: Bool = false
    ) throws(ResamplerError) {
        self.format = format
        hearsOnArrival = producer != nil
        clock = StreamClock(bytesPerMillisecond: format.bytesPerMillisecond)
        voice = CallerVoice(format: format)
        if hearsIntrusion { intruder = CallerVoice(format: format, configuration: Self.intrusion) }
        self.producer = producer
        self.consumer = consumer
        converter = try AudioConverter(from: format, to: agent, engine: engine)
        decoded = Scratch(repeating: 0, count: 512)
        chunk = Scratch(repeating: 0, count: Self.chunkMilliseconds * format.bytesPerMillisecond)
    }

    package var description: String { converter.description }

    /// Audio kept for the agent.
    package var waitingMilliseconds: Int { consumer.readable / format.bytesPerMillisecond }

    /// Takes in one message of the carrier. A payload that is empty or no base64 is counted and dropped.
    ///
    /// - Parameters:
    ///   - message: the message `media.payload` refers to.
    ///   - now: when it arrived.
    mutating func ingest(_ media: TelephonyMedia, in message: RawSpan, at now: MonotonicInstant) {
        guard let count = try? decode(media.payload, in: message), count > 0 else {
            counters.badPayloads += 1
            return
        }
        guard follow(media, bytes: count) else {
            counters.duplicates += 1
            return
        }
        counters.frames += 1
        counters.bytes += count
        let memory = decoded.memory
        hear(memory.span.extracting(0..<count).bytes, at: now)
        write(count)
        counters.longestWaitMilliseconds = max(counters.longestWaitMilliseconds, waitingMilliseconds)
    }

    /// Hands what the ring holds to the agent.
    mutating func drain(
        through codec: borrowing AgentCodec,
        to outbox: inout MessageOutbox,
        at now: MonotonicInstant
    ) {
        while true {
            let memory = chunk.memory
            var target = memory.mutableSpan
            let count = consumer.read(into: &target)
            guard count > 0 else { return }
            counters.bytesToAgent += count
            if !hearsOnArrival { hear(memory.span.extracting(0..<count).bytes, at: now) }
            if isMuted || isWithheld {
                UnsafeMutableBufferPointer(rebasing: memory[..<count]).update(repeating: format.silenceByte)
            }
            converter.convert(memory.span.extracting(0..<count).bytes) { bytes in
                codec.writeAudio(bytes, to: &outbox)
            }
            counters.failedConversions += converter.takeFailures()
        }
    }

    /// Whether the caller has begun or ceased to speak since the last call.
    mutating func takeTransition() -> VoiceActivityDetector.Transition? {
        defer { transition = nil }
        return transition
    }

    private mutating func note(_ change: VoiceActivityDetector.Transition?) {
        if let change { transition = change }
    }

    /// Drops what the ring holds and what the filter remembers.
    mutating func flush() {
        consumer.skipAll()
        converter.reset()
    }

    private mutating func hear(_ bytes: RawSpan, at now: MonotonicInstant) {
        note(voice.hear(bytes, at: now))
        if intruder?.hear(bytes, at: now) == .speechStarted { hasIntrusion = true }
    }

    /// Whether the caller has begun, since this was asked last, to speak so loudly and long that it is meant.
    mutating func takeIntrusion() -> Bool {
        defer { hasIntrusion = false }
        return hasIntrusion
    }

    /// Longer and louder than what comes back of the agent's own voice: telephone networks cancel echoes to below
    /// −40 dBFS within that time.
    private static let intrusion = VoiceActivityDetector.Configuration(
        onset: .milliseconds(160),
        hangover: .milliseconds(300),
        margin: 15,
        minimumLevel: -36
    )

    private mutating func decode(_ payload: WirePayload, in message: RawSpan) throws(WireError) -> Int {
        switch payload {
        case .inPlace(let range):
            return try decode(message.extracting(range))
        case .unescaped(let text):
            return try decode(text.span.bytes)
        }
    }

    private mutating func decode(_ text: RawSpan) throws(WireError) -> Int {
        let needed = text.byteCount / 4 * 3 + 3
        if decoded.count < needed {
            // Carriers send 160 bytes; once a larger size has come, there is room for it.
            decoded = Scratch(repeating: 0, count: needed)
        }
        let memory = decoded.memory
        var target = memory.mutableSpan
        return try Base64.decode(text, into: &target)
    }

    /// Follows the stream's clock: fills what is missing.
    /// - Returns: whether the audio is new.
    private mutating func follow(_ media: TelephonyMedia, bytes: Int) -> Bool {
        let place = clock.place(sequence: media.sequence, timestamp: media.timestamp, bytes: bytes)
        counters.outliers = clock.outliers
        counters.resynchronisations = clock.resynchronisations
        guard place.isNew else { return false }
        if place.missing > 0 {
            counters.gaps += 1
            fill(min(place.missing / Int64(format.bytesPerMillisecond), Self.longestFill))
        }
        return true
    }

    private mutating func fill(_ milliseconds: Int64) {
        counters.filledMilliseconds += Int(milliseconds)
        var left = Int(milliseconds) * format.bytesPerMillisecond
        // The scratch of `drain` serves here too: it holds nothing between calls.
        let memory = chunk.memory
        memory.update(repeating: format.silenceByte)
        while left > 0 {
            let part = min(left, chunk.count)
            let accepted = producer?.write(memory.span.extracting(0..<part).bytes) ?? 0
            counters.droppedBytes += part - accepted
            left -= part
        }
    }

    private mutating func write(_ count: Int) {
        let memory = decoded.memory
        let accepted = producer?.write(memory.span.extracting(0..<count).bytes) ?? 0
        counters.droppedBytes += count - accepted
    }
}
