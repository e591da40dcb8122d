package import TalkpathAudio
import TalkpathWire

/// The path of the caller's audio to the agent, from the carrier's Base64 to the provider's message.
///
///     ingest:  base64 -> bytes -> duplicates dropped, gaps filled -> ring
///     drain:   ring -> decode -> resample -> agent codec -> outbox
///
/// The ring keeps up to ten seconds of the caller's audio while the agent's socket opens or reopens. It holds the
/// telephony leg's own encoding, so its fill level converts to milliseconds. With a ring leg the embedder's audio
/// thread writes into the ring, and `ingest` is not used.
///
/// Confined to the call's loop. Allocates nothing per frame.
package struct UplinkPipeline: ~Copyable {
    package struct Counters: Sendable, Equatable {
        /// Messages with new audio.
        package var frames = 0
        package var bytes = 0
        /// Bytes passed to the agent's codec, before conversion.
        package var bytesToAgent = 0
        /// Messages that repeated old audio or arrived out of order; dropped.
        package var duplicates = 0
        /// Sequence numbers and timestamps outside their window, which were ignored; their audio was used.
        package var outliers = 0
        /// The times that the stream's clock adopted new numbers, because the old ones restarted or did not change.
        package var resynchronisations = 0
        /// Periods without audio.
        package var gaps = 0
        /// The silence, in milliseconds, that was inserted for them.
        package var filledMilliseconds = 0
        /// The silence, in milliseconds, that a model's clock was kept going with.
        package var fedMilliseconds = 0
        /// The silence, in milliseconds, that was left out so that a model hears the caller in time.
        package var skippedMilliseconds = 0
        /// Bytes lost because the ring was full.
        package var droppedBytes = 0
        /// Payloads that were empty or not Base64.
        package var badPayloads = 0
        /// Chunks lost because the resampler failed.
        package var failedConversions = 0
        /// The most audio that waited for an absent agent, in milliseconds.
        package var longestWaitMilliseconds = 0
    }

    package internal(set) var counters = Counters()
    package let format: AudioFormat
    /// True if the agent gets silence instead of the caller's audio.
    var isMuted = false
    /// True if the agent gets silence while it greets the caller.
    var isWithheld = false

    private var producer: ByteRing.Producer?
    private var consumer: ByteRing.Consumer
    private var converter: AudioConverter
    private var engine: ResamplerEngine
    /// Detects the caller's speech: when audio arrives, or with a ring leg, when audio leaves the ring.
    package private(set) var voice: CallerVoice
    private let hearsOnArrival: Bool
    /// A second detector for local barge-in, less sensitive than ``voice``: it reacts to a word, not to an echo or a
    /// cough.
    private var intruder: CallerVoice?
    private var hasIntrusion = false
    private var transition: VoiceActivityDetector.Transition?

    private var clock: StreamClock
    private var decoded: Scratch<UInt8>
    let chunk: Scratch<UInt8>
    /// Set while the agent is a model whose clock is the audio that it is sent.
    var inputClock: InputClock?
    /// The pause of the line, for other agents.
    var linePause = LinePause()

    /// The longest fill of a gap, in milliseconds. A longer gap means that the stream was interrupted, and its silence
    /// would only delay the audio.
    private static let longestFill: Int64 = 200
    /// The longest audio in one message when a backlog is drained, in milliseconds.
    private static let chunkMilliseconds = 100

    /// - Throws: `ResamplerError` if no filter fits the formats' sample rates.
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
        self.engine = engine
        converter = try AudioConverter(from: format, to: agent, engine: engine)
        decoded = Scratch(repeating: 0, count: 512)
        chunk = Scratch(repeating: 0, count: Self.chunkMilliseconds * format.bytesPerMillisecond)
    }

    package var description: String { converter.description }

    /// The caller's audio that waits for the agent, in milliseconds.
    package var waitingMilliseconds: Int { consumer.readable / format.bytesPerMillisecond }

    /// Switches to the format that the agent asks for.
    ///
    /// - Returns: false if no filter fits its sample rate; the format stays as it was then.
    mutating func adopt(_ agent: AudioFormat) -> Bool {
        guard agent != converter.output else { return true }
        guard let other = try? AudioConverter(from: format, to: agent, engine: engine) else { return false }
        converter = other
        return true
    }

    /// Another agent takes over; the ring keeps its content.
    ///
    /// - Returns: false if no filter fits its sample rate; the format stays as it was then.
    mutating func agentChanges(to agent: AudioFormat, engine: ResamplerEngine, hearsIntrusion: Bool) -> Bool {
        self.engine = engine
        if !hearsIntrusion {
            intruder = nil
            hasIntrusion = false
        } else if intruder == nil {
            intruder = CallerVoice(format: format, configuration: Self.intrusion)
        }
        return adopt(agent)
    }

    /// Takes in one message of the carrier. Counts and drops a payload that is empty or not Base64.
    ///
    /// - Parameters:
    ///   - message: the message that `media.payload` refers to.
    ///   - now: the instant at which it arrived.
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
        linePause.ended(at: now)
        let memory = decoded.memory
        hear(memory.span.extracting(0..<count).bytes, at: now)
        write(count)
        counters.longestWaitMilliseconds = max(counters.longestWaitMilliseconds, waitingMilliseconds)
    }

    /// Passes the ring's content to the agent.
    mutating func drain(
        through codec: borrowing AgentCodec,
        to outbox: inout MessageOutbox,
        at now: MonotonicInstant
    ) {
        while true {
            let memory = chunk.memory
            // A model that hears in real time may be spared silence, which is judged by the frame.
            let size = inputClock == nil ? memory.count : min(memory.count, format.frameBytes)
            var target = UnsafeMutableBufferPointer(rebasing: memory[..<size]).mutableSpan
            let count = consumer.read(into: &target)
            guard count > 0 else { return }
            if !hearsOnArrival {
                linePause.ended(at: now)
                hear(memory.span.extracting(0..<count).bytes, at: now)
            }
            if isMuted || isWithheld {
                UnsafeMutableBufferPointer(rebasing: memory[..<count]).update(repeating: format.silenceByte)
            }
            if isSurplus(count, at: now) { continue }
            pass(count, through: codec, to: &outbox, at: now)
        }
    }

    /// Passes the beginning of ``chunk`` to the agent.
    mutating func pass(
        _ count: Int,
        through codec: borrowing AgentCodec,
        to outbox: inout MessageOutbox,
        at now: MonotonicInstant
    ) {
        counters.bytesToAgent += count
        inputClock?.sent(count, at: now)
        let memory = chunk.memory
        converter.convert(memory.span.extracting(0..<count).bytes) { bytes in
            codec.writeAudio(bytes, to: &outbox)
        }
        counters.failedConversions += converter.takeFailures()
    }

    /// The last change of the caller's voice since the last call.
    mutating func takeTransition() -> VoiceActivityDetector.Transition? {
        defer { transition = nil }
        return transition
    }

    private mutating func note(_ change: VoiceActivityDetector.Transition?) {
        if let change { transition = change }
    }

    /// Another stream of the caller's follows, with numbers of its own.
    mutating func lineEnded() {
        clock.beginAnew()
        linePause = LinePause()
    }

    /// Drops the content of the ring and the state of the filter.
    mutating func flush() {
        consumer.skipAll()
        converter.reset()
    }

    /// The detectors take in silence for audio that the line did not bring.
    mutating func miss(_ silence: RawSpan, at now: MonotonicInstant) {
        note(voice.missed(silence, at: now))
        _ = intruder?.missed(silence, at: now)
    }

    private mutating func hear(_ bytes: RawSpan, at now: MonotonicInstant) {
        note(voice.hear(bytes, at: now))
        if intruder?.hear(bytes, at: now) == .speechStarted { hasIntrusion = true }
    }

    /// True if, since the last call, the caller has begun to speak loudly and long enough to mean an interruption.
    mutating func takeIntrusion() -> Bool {
        defer { hasIntrusion = false }
        return hasIntrusion
    }

    /// Longer and louder than echoes of the agent's voice: telephone networks cancel those to below −40 dBFS within
    /// that time.
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
        case .raw:
            // No carrier sends audio in binary messages.
            throw WireError(.malformedBase64)
        }
    }

    private mutating func decode(_ text: RawSpan) throws(WireError) -> Int {
        let needed = text.byteCount / 4 * 3 + 3
        if decoded.count < needed {
            // Carriers send 160 bytes; after a larger payload the memory has room for that size.
            decoded = Scratch(repeating: 0, count: needed)
        }
        let memory = decoded.memory
        var target = memory.mutableSpan
        return try Base64.decode(text, into: &target)
    }

    /// Places the audio by the stream's clock, and fills a gap before it.
    /// - Returns: true if the audio is new.
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
        // Uses the scratch memory of `drain`, which holds nothing between calls.
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
