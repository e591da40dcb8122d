package import TalkpathAudio
import TalkpathWire

/// The way of the agent's audio to the caller, from the provider's base64 to the carrier's frames.
///
///     ingest:  base64 -> decode -> resample -> telephony encoding -> backlog, noted by item
///     send:    backlog -> what the pacer says is due -> 20 ms frames and marks -> telephony leg
///
/// Models speak faster than real time; the far end is filled to at most 200 ms ahead, so that an interruption finds
/// little that is already under way. Confined to the call's loop. Nothing is allocated per frame, save backlog chunks
/// while speech arrives faster than it plays.
package struct DownlinkPipeline: ~Copyable {
    package struct Counters: Sendable, Equatable {
        /// Bytes of the agent's audio taken in, in its own format.
        package var bytesFromAgent = 0
        package var frames = 0
        package var bytes = 0
        package var marks = 0
        /// Marks that came back as played.
        package var marksPlayed = 0
        package var interruptions = 0
        /// Bytes that were generated and thrown away because the caller interrupted, telephony encoding.
        package var flushedBytes = 0
        /// Audio of an interrupted answer that came too late, agent's format.
        package var lateBytes = 0
        /// Audio that came while the agent was muted, agent's format.
        package var mutedBytes = 0
        /// Beyond ten minutes of backlog: lost.
        package var droppedBytes = 0
        package var badPayloads = 0
        /// Chunks lost because the resampler failed.
        package var failedConversions = 0
        /// How often the far end ran dry in the middle of an utterance: the caller heard a hole.
        package var underruns = 0
        /// The most speech that waited to be played.
        package var longestBacklogBytes = 0
    }

    package internal(set) var counters = Counters()
    package let format: AudioFormat

    private var converter: AudioConverter
    private let engine: ResamplerEngine
    var backlog: DownlinkBacklog
    private var pacer: PlayoutPacer
    var ledger: PlaybackLedger
    /// With a ring leg: where the agent's audio goes, instead of messages.
    var ring: ByteRing.Producer?

    private(set) var currentItem: AgentItem?
    private var currentItemBytes = 0
    private var bytesSinceMark = 0
    private var ticksSinceFrame = 0
    /// The utterance that was sent last, to know a hole in it from a pause between two.
    private var sentItem: AgentItem?
    private var hasBegunRun = false
    /// After an interruption: drop what comes until the agent begins a new response.
    private var isAwaitingResponse = false
    /// The agent has begun a response and not ended it.
    private(set) var isResponding = false

    /// Our own audio that waits for the end of the agent's present item.
    var waiting: [DownlinkInsertion] = []
    var milestones = PlaybackMilestones()
    /// Where the newest dialled digit that was sent ends.
    var digitsEnd: Int64 = 0
    var isMuted = false
    /// Items of which audio was dropped because the agent is muted, and which have not ended.
    var mutedItems: [AgentItem] = []

    private let decoded: Scratch<UInt8>
    private let frame: Scratch<UInt8>

    private static let backlogMinutes = 10
    /// Base64 is decoded in pieces of this many characters: 40 ms at 24 kHz. A multiple of four.
    private static let sliceCharacters = 2560
    private static let framesPerMark = 5
    /// This many ticks without a frame are a pause.
    private static let ticksOfPause = 2
    /// Below this, the far end gets less than a frame rather than running dry.
    private static let starvationMilliseconds = 40

    /// - Throws: `ResamplerError` if the formats' sample rates have no filter.
    init(
        from agent: AudioFormat,
        to format: AudioFormat,
        engine: ResamplerEngine = .default,
        lead: Duration,
        ring: consuming ByteRing.Producer?
    ) throws(ResamplerError) {
        self.format = format
        ledger = PlaybackLedger(bytesPerMillisecond: format.bytesPerMillisecond, isExact: ring != nil)
        self.ring = ring
        self.engine = engine
        converter = try AudioConverter(from: agent, to: format, engine: engine)
        backlog = DownlinkBacklog(limit: Self.backlogMinutes * 60_000 * format.bytesPerMillisecond)
        pacer = PlayoutPacer(lead: lead, bytesPerMillisecond: format.bytesPerMillisecond)
        decoded = Scratch(repeating: 0, count: Self.sliceCharacters / 4 * 3)
        frame = Scratch(repeating: 0, count: format.frameBytes)
    }

    package var description: String { converter.description }

    /// Speech that waits to be sent.
    package var backlogMilliseconds: Int { backlog.byteCount / format.bytesPerMillisecond }

    /// Nothing waits, and what was sent has been heard as far as can be known.
    func isPlayedOut(at now: MonotonicInstant) -> Bool {
        backlog.isEmpty && ledger.isPlayedOut(at: now)
    }

    /// Something is being said, or soon will be.
    var mayBeHeard: Bool { isResponding || !backlog.isEmpty || ledger.mayBePlaying }

    /// Whether the far end may hold speech that it has not played.
    var mayBePlaying: Bool { ledger.mayBePlaying }

    // MARK: From the agent

    /// Takes in a piece of the agent's speech.
    ///
    /// A payload that is no base64, or of a format there is no filter for, is counted; what stood before the fault is
    /// kept.
    mutating func ingest(_ audio: AgentAudio, in message: RawSpan) {
        guard !isAwaitingResponse, !ledger.isDiscarded(audio.item) else {
            counters.lateBytes += Self.encodedCount(audio.payload) / 4 * 3
            return
        }
        guard !isMuted else {
            swallow(audio.item, bytes: Self.encodedCount(audio.payload) / 4 * 3)
            return
        }
        guard adopt(audio.format) else {
            counters.badPayloads += 1
            return
        }
        begin(audio.item)
        do {
            switch audio.payload {
            case .inPlace(let range):
                try decode(message.extracting(range), of: audio.item)
            case .unescaped(let text):
                try decode(text.span.bytes, of: audio.item)
            }
        } catch {
            counters.badPayloads += 1
        }
    }

    /// Providers say what they send, and it need not be what they were asked for.
    private mutating func adopt(_ agent: AudioFormat) -> Bool {
        guard agent != converter.input else { return true }
        guard let other = try? AudioConverter(from: agent, to: format, engine: engine) else { return false }
        finishCurrentItem()
        converter = other
        return true
    }

    /// All audio of the item has come.
    mutating func ended(_ item: AgentItem) {
        guard item == currentItem else { return }
        finishCurrentItem()
    }

    /// All audio of the response has come.
    mutating func responseEnded() {
        isResponding = false
        finishCurrentItem()
    }

    /// Nothing follows from the agent's present socket.
    mutating func sourceLost() {
        finishCurrentItem()
        isAwaitingResponse = false
        isResponding = false
    }

    /// A new response begins: what comes now is wanted.
    mutating func responseStarted() {
        isAwaitingResponse = false
        isResponding = true
    }

    /// What comes before the agent's next response is not wanted.
    mutating func awaitResponse() {
        isAwaitingResponse = true
    }

    /// The caller speaks over the agent: throws away all that has not been played, and what still comes of it, until
    /// the provider announces its next response.
    ///
    /// - Returns: what the caller heard, or nil if nothing was cut short.
    mutating func interrupt(at now: MonotonicInstant) -> PlaybackInterruption? {
        // Also if nothing of it has come yet.
        if isResponding { isAwaitingResponse = true }
        guard let interruption = flush(sparesDigits: true, at: now) else { return nil }
        counters.interruptions += 1
        isAwaitingResponse = true
        return interruption
    }

    /// Throws away all that has not been played.
    ///
    /// - Parameter sparesDigits: digits stay; if some of them are on their way, so does what was sent with them.
    mutating func flush(sparesDigits: Bool = false, at now: MonotonicInstant) -> PlaybackInterruption? {
        if let consumed = ring?.consumedPosition { ledger.acknowledge(Int64(consumed)) }
        let clears = !sparesDigits || !hasDigitsUnderWay(at: now)
        // One that claims to have played all it was sent is not told to clear: it is as full as it was.
        let isCleared = clears && ledger.mayBePlaying
        var interruption = ledger.interrupt(clears: clears, sparesDigits: sparesDigits, at: now)
        let waitingBytes = backlog.byteCount
        backlog.removeAll { sparesDigits && $0.isDigits }
        counters.flushedBytes += waitingBytes - backlog.byteCount
        converter.reset()
        if clears {
            if isCleared { pacer.flush(at: now) }
            ring?.flush()
            bytesSinceMark = 0
        }
        currentItem = nil
        currentItemBytes = 0
        let heard = interruption?.takeInserted() ?? [:]
        cutMilestones(heard: heard, sparesDigits: sparesDigits)
        return interruption?.isEmpty == false ? interruption : nil
    }

    // MARK: To the caller

    /// Whether a stretch of speech has begun to go out since the last call.
    mutating func takeRunBegan() -> Bool {
        defer { hasBegunRun = false }
        return hasBegunRun
    }

    /// Sends what is due, as messages of the carrier.
    ///
    /// - Parameter isTick: called by the ticker; then a rest of less than a frame goes out before the far end runs dry.
    mutating func send(
        through codec: borrowing TwilioMediaStreamsCodec,
        to outbox: inout MessageOutbox,
        isTick: Bool,
        at now: MonotonicInstant
    ) {
        while let (count, item, isLast) = nextFrame(isTick: isTick, at: now) {
            take(count)
            let memory = frame.memory
            codec.writeMedia(memory.span.extracting(0..<count).bytes, to: &outbox)
            note(count, of: item, at: now)
            ticksSinceFrame = 0
            bytesSinceMark += count
            if bytesSinceMark >= Self.framesPerMark * format.frameBytes || isLast {
                writeMark(through: codec, to: &outbox)
            }
        }
        guard isTick else { return }
        ticksSinceFrame += 1
        // An answer that has paused: learn when what was sent is out. A model that speaks in real time leaves the
        // backlog empty between any two frames, and has not paused.
        if ticksSinceFrame > Self.ticksOfPause, bytesSinceMark > 0, backlog.isEmpty, !ledger.isMarked {
            writeMark(through: codec, to: &outbox)
        }
    }

    /// Moves what is due into the ring leg's ring.
    mutating func sendToRing(isTick: Bool, at now: MonotonicInstant) {
        guard let consumed = ring?.consumedPosition else { return }
        ledger.acknowledge(Int64(consumed))
        while let (count, item, _) = nextFrame(isTick: isTick, at: now) {
            guard (ring?.writable ?? 0) >= count else { return }
            take(count)
            let memory = frame.memory
            _ = ring?.write(memory.span.extracting(0..<count).bytes)
            note(count, of: item, at: now)
        }
    }

    /// A mark came back from the carrier.
    mutating func echoed(_ mark: PlaybackMark, at now: MonotonicInstant) {
        if ledger.echoed(mark, at: now) == .played { counters.marksPlayed += 1 }
    }

    /// The next frame that may go out now. Frames do not straddle items; the last of an item may be short.
    private mutating func nextFrame(
        isTick: Bool,
        at now: MonotonicInstant
    ) -> (count: Int, item: AgentItem, isLast: Bool)? {
        guard let front = backlog.front else { return nil }
        let count = min(front.bytes, format.frameBytes)
        if count < format.frameBytes, !front.isComplete {
            guard isTick, aheadBytes(at: now) < Self.starvationMilliseconds * format.bytesPerMillisecond else {
                return nil
            }
        }
        guard dueBytes(at: now) >= count else { return nil }
        return (count, front.item, front.isComplete && count == front.bytes)
    }

    private mutating func dueBytes(at now: MonotonicInstant) -> Int {
        guard let unreadBytes else { return pacer.bytesDue(at: now) }
        return pacer.lead.wholeMilliseconds * format.bytesPerMillisecond - unreadBytes
    }

    /// What the far end still has to play.
    private mutating func aheadBytes(at now: MonotonicInstant) -> Int {
        unreadBytes ?? pacer.ahead(at: now).wholeMilliseconds * format.bytesPerMillisecond
    }

    /// With a ring leg the reader's position is known exactly, and no clock is needed.
    private var unreadBytes: Int? {
        mutating get {
            guard let written = ring?.position, let read = ring?.consumedPosition else { return nil }
            return Int(written - read)
        }
    }

    private mutating func take(_ count: Int) {
        backlog.take(count, into: UnsafeMutableRawBufferPointer(frame.memory))
    }

    private mutating func note(_ count: Int, of item: AgentItem, at now: MonotonicInstant) {
        let startsRun = pacer.isIdle(at: now)
        if startsRun {
            hasBegunRun = true
            if item == sentItem { counters.underruns += 1 }
        }
        sentItem = item
        ledger.sent(count, of: item, startsRun: startsRun, at: now)
        if item.isDigits { digitsEnd = ledger.sent }
        pacer.sent(count, at: now)
        counters.frames += 1
        counters.bytes += count
    }

    private mutating func writeMark(
        through codec: borrowing TwilioMediaStreamsCodec,
        to outbox: inout MessageOutbox
    ) {
        codec.writeMark(ledger.makeMark(), to: &outbox)
        counters.marks += 1
        bytesSinceMark = 0
    }

    // MARK: Items

    private mutating func begin(_ item: AgentItem) {
        guard item != currentItem else { return }
        finishCurrentItem()
        currentItem = item
        currentItemBytes = 0
    }

    private mutating func finishCurrentItem() {
        guard let item = currentItem else { return }
        converter.finish { bytes in
            let accepted = backlog.append(bytes, of: item)
            counters.droppedBytes += bytes.byteCount - accepted
            ledger.produced(accepted, of: item)
        }
        backlog.complete(item)
        ledger.completed(item)
        currentItem = nil
        appendWaiting()
    }

    private mutating func decode(_ text: RawSpan, of item: AgentItem) throws(WireError) {
        var offset = 0
        while offset < text.byteCount {
            let end = min(offset + Self.sliceCharacters, text.byteCount)
            let memory = decoded.memory
            var target = memory.mutableSpan
            let count = try Base64.decode(text.extracting(offset..<end), into: &target)
            offset = end
            counters.bytesFromAgent += count
            currentItemBytes += count
            converter.convert(memory.span.extracting(0..<count).bytes) { bytes in
                let accepted = backlog.append(bytes, of: item)
                counters.droppedBytes += bytes.byteCount - accepted
                ledger.produced(accepted, of: item)
            }
            ledger.produced(milliseconds: currentItemBytes / converter.input.bytesPerMillisecond, of: item)
        }
        counters.failedConversions += converter.takeFailures()
        counters.longestBacklogBytes = max(counters.longestBacklogBytes, backlog.byteCount)
    }

    private static func encodedCount(_ payload: WirePayload) -> Int {
        switch payload {
        case .inPlace(let range): range.count
        case .unescaped(let text): text.count
        }
    }
}
