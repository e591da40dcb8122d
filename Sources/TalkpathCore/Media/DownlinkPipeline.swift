package import TalkpathAudio
import TalkpathWire

/// The path of the agent's audio to the caller, from the provider's Base64 to the carrier's frames.
///
///     ingest:  base64 -> decode -> resample -> telephony encoding -> backlog, recorded by item
///     send:    backlog -> bytes due by the pacer -> 20 ms frames and marks -> telephony leg
///
/// Models speak faster than real time. The far end's buffer is filled at most 200 ms ahead, so that little is already
/// sent when an interruption comes. Confined to the call's loop. Allocates nothing per frame, except backlog chunks
/// while speech arrives faster than it plays.
package struct DownlinkPipeline: ~Copyable {
    package struct Counters: Sendable, Equatable {
        /// Bytes of agent audio received, in the agent's format.
        package var bytesFromAgent = 0
        package var frames = 0
        package var bytes = 0
        package var marks = 0
        /// Marks that the carrier reported as played.
        package var marksPlayed = 0
        package var interruptions = 0
        /// Bytes dropped because the caller interrupted, in the telephony encoding.
        package var flushedBytes = 0
        /// Bytes of an interrupted response that arrived too late, in the agent's format.
        package var lateBytes = 0
        /// Bytes that arrived while the agent was muted, in the agent's format.
        package var mutedBytes = 0
        /// Bytes lost because the backlog had reached ten minutes.
        package var droppedBytes = 0
        package var badPayloads = 0
        /// Bytes of silence of a continuous track that were left out.
        package var skippedBytes = 0
        /// Chunks lost because the resampler failed.
        package var failedConversions = 0
        /// The times that the far end ran dry in the middle of an utterance, which the caller heard as a gap.
        package var underruns = 0
        /// The largest backlog, in bytes.
        package var longestBacklogBytes = 0
    }

    package internal(set) var counters = Counters()
    package let format: AudioFormat

    var converter: AudioConverter
    private var engine: ResamplerEngine
    var backlog: DownlinkBacklog
    private var pacer: PlayoutPacer
    var ledger: PlaybackLedger
    /// With a ring leg, the receiver of the agent's audio instead of messages.
    var ring: ByteRing.Producer?

    private(set) var currentItem: AgentItem?
    /// The latest item, which may have ended, and the bytes of it that the agent has produced.
    private var countedItem: AgentItem?
    var countedBytes = 0
    private var bytesSinceMark = 0
    private var ticksSinceFrame = 0
    /// The item that was sent last, to distinguish a gap within it from a pause between two items.
    private var sentItem: AgentItem?
    private var hasBegunRun = false
    /// After an interruption: drops audio until the agent begins a new response.
    private(set) var isAwaitingResponse = false
    /// True while the agent gives a response that has not ended.
    private(set) var isResponding = false

    /// The loudness of the response so far, by which a response that nobody can hear is told.
    var sound: ResponseSound

    /// Insertions that wait for the end of the agent's current item.
    var waiting: [DownlinkInsertion] = []
    var milestones = PlaybackMilestones()
    /// The end position of the latest dialled digits that were sent.
    var digitsEnd: Int64 = 0
    var isMuted = false
    /// Items that have not ended and of which all audio was dropped, because the agent is muted or was interrupted before.
    var unheardItems: [AgentItem] = []

    /// Set for a model that speaks on a continuous track.
    var track: SpeechTrack?
    var trackChanges: [SpeechTrack.Change] = []
    /// The bytes that wait to be played, less those of the present message that are not due yet.
    var trackQueue = 0
    var trackFloor = QueueFloor()
    /// The instant at which the far end was found dry within an utterance, until the late audio has arrived.
    var trackDry: MonotonicInstant?
    /// The time that the sounds of a continuous track wait for the audio before them.
    package internal(set) var playoutDelay = LatencyHistogram()
    private(set) var trackPiece: Scratch<UInt8>
    private(set) var silence: Scratch<UInt8>

    private let decoded: Scratch<UInt8>
    private let frame: Scratch<UInt8>

    private static let backlogMinutes = 10
    /// The characters of Base64 that are decoded at a time: 40 ms at 24 kHz. A multiple of four.
    private static let sliceCharacters = 2560
    private static let framesPerMark = 5
    /// The ticks without a frame that count as a pause.
    private static let ticksOfPause = 2
    /// If less is left at the far end, it gets a partial frame rather than running dry.
    private static let starvationMilliseconds = 40

    /// - Throws: `ResamplerError` if no filter fits the formats' sample rates.
    init(
        from agent: AudioFormat,
        to format: AudioFormat,
        engine: ResamplerEngine = .default,
        lead: Duration,
        isContinuous: Bool = false,
        ring: consuming ByteRing.Producer?
    ) throws(ResamplerError) {
        self.format = format
        sound = ResponseSound(format: format)
        if isContinuous { track = SpeechTrack(format: format) }
        (trackPiece, silence) = Self.trackMemory(format, isContinuous: isContinuous)
        ledger = PlaybackLedger(bytesPerMillisecond: format.bytesPerMillisecond, isExact: ring != nil)
        self.ring = ring
        self.engine = engine
        converter = try AudioConverter(from: agent, to: format, engine: engine)
        backlog = DownlinkBacklog(limit: Self.backlogMinutes * 60_000 * format.bytesPerMillisecond)
        pacer = PlayoutPacer(lead: lead, bytesPerMillisecond: format.bytesPerMillisecond)
        decoded = Scratch(repeating: 0, count: Self.sliceCharacters / 4 * 3)
        frame = Scratch(repeating: 0, count: format.frameBytes)
    }

    private static func trackMemory(_ format: AudioFormat, isContinuous: Bool) -> (Scratch<UInt8>, Scratch<UInt8>) {
        (
            // A slice of µ-law is 240 ms of audio.
            Scratch(repeating: 0, count: isContinuous ? 480 * format.bytesPerMillisecond : 0),
            Scratch(repeating: format.silenceByte, count: isContinuous ? format.frameBytes : 0)
        )
    }

    package var description: String { converter.description }

    /// The speech that waits to be sent.
    package var backlogMilliseconds: Int { backlog.byteCount / format.bytesPerMillisecond }

    /// True if nothing waits and the far end has played everything sent, as far as can be known.
    func isPlayedOut(at now: MonotonicInstant) -> Bool {
        backlog.isEmpty && ledger.isPlayedOut(at: now)
    }

    /// True if the agent is speaking or will speak soon.
    var mayBeHeard: Bool { isResponding || !backlog.isEmpty || ledger.mayBePlaying }

    /// True if the far end may hold speech that it has not played.
    var mayBePlaying: Bool { ledger.mayBePlaying }

    // MARK: From the agent

    /// Takes in a piece of the agent's speech.
    ///
    /// Counts a payload that is not Base64 or has an unsupported format. Keeps the audio before the error.
    mutating func ingest(_ audio: AgentAudio, in message: RawSpan) {
        sound.spoke(audio.item)
        guard !isAwaitingResponse, !ledger.isDiscarded(audio.item) else {
            counters.lateBytes += Self.byteCount(audio.payload)
            // The caller was faster than the first audio of the item.
            if !ledger.isDiscarded(audio.item) { overlook(audio.item) }
            return
        }
        guard !isMuted else {
            swallow(audio.item, bytes: Self.byteCount(audio.payload))
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
            case .raw(let range):
                convert(message.extracting(range), of: audio.item)
            }
        } catch {
            counters.badPayloads += 1
        }
        noteConversions()
    }

    /// Switches to the stated input format: providers may send another format than they were asked for.
    mutating func adopt(_ agent: AudioFormat) -> Bool {
        guard agent != converter.input else { return true }
        guard let other = try? AudioConverter(from: agent, to: format, engine: engine) else { return false }
        finishCurrentItem()
        converter = other
        return true
    }

    /// Another agent takes over, after ``sourceLost()``; the backlog keeps its content.
    ///
    /// - Returns: false if no filter fits its sample rate; the format stays as it was then.
    mutating func agentChanges(to agent: AudioFormat, engine: ResamplerEngine, isContinuous: Bool) -> Bool {
        self.engine = engine
        track = isContinuous ? SpeechTrack(format: format) : nil
        trackChanges.removeAll()
        trackFloor = QueueFloor()
        (trackPiece, silence) = Self.trackMemory(format, isContinuous: isContinuous)
        return adopt(agent)
    }

    /// All audio of the item has arrived.
    mutating func ended(_ item: AgentItem) {
        guard item == currentItem else { return }
        finishCurrentItem()
    }

    /// All audio of the response has arrived.
    mutating func responseEnded() {
        isResponding = false
        // Words that come before the next response is announced belong to it.
        sound.began()
        finishCurrentItem()
    }

    /// No more audio follows from the agent's present socket.
    mutating func sourceLost() {
        finishCurrentItem()
        isAwaitingResponse = false
        isResponding = false
        sound.began()
    }

    /// A new response begins, so its audio is played.
    mutating func responseStarted() {
        isAwaitingResponse = false
        isResponding = true
    }

    /// Drops all audio until the agent's next response.
    mutating func awaitResponse() {
        isAwaitingResponse = true
    }

    /// The caller speaks over the agent: drops all unplayed audio, and further audio until the provider announces its
    /// next response.
    ///
    /// - Returns: how much the caller heard; `nil` if nothing was cut short.
    mutating func interrupt(at now: MonotonicInstant) -> PlaybackInterruption? {
        // Also if no audio of the response has arrived.
        if isResponding { isAwaitingResponse = true }
        guard let interruption = flush(sparesDigits: true, at: now) else { return nil }
        counters.interruptions += 1
        isAwaitingResponse = true
        return interruption
    }

    /// Drops all unplayed audio.
    ///
    /// - Parameter sparesDigits: keeps dialled digits. If the far end is playing some, it also keeps everything else
    ///   sent to it.
    mutating func flush(sparesDigits: Bool = false, at now: MonotonicInstant) -> PlaybackInterruption? {
        if let consumed = ring?.consumedPosition { ledger.acknowledge(Int64(consumed)) }
        let clears = !sparesDigits || !hasDigitsUnderWay(at: now)
        // A far end that reports everything as played is not told to clear, so the pacer must still count its buffer as
        // full.
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
        let heard = interruption?.takeInserted() ?? [:]
        cutMilestones(heard: heard, sparesDigits: sparesDigits)
        return interruption?.isEmpty == false ? interruption : nil
    }

    /// Drops what waits because the line is gone.
    ///
    /// If the caller has heard all of the model's audio, nothing is cut short, and later audio of the same item plays
    /// on the next line: a model that waits for a function goes on with the item that called it.
    mutating func suspend(at now: MonotonicInstant) -> PlaybackInterruption? {
        let discarded = ledger.discardedThrough
        let wasHeardOut = isPlayedOut(at: now)
        let interruption = flush(at: now)
        guard wasHeardOut else { return interruption }
        ledger.readmit(beyond: discarded)
        return nil
    }

    /// Tells a ring leg's reader that no more audio follows. Call after the last ``flush(sparesDigits:at:)``.
    func finish() {
        ring?.finish()
    }

    // MARK: To the caller

    /// True if a stretch of speech has begun to be sent since the last call.
    mutating func takeRunBegan() -> Bool {
        defer { hasBegunRun = false }
        return hasBegunRun
    }

    /// Sends the due audio as messages of the carrier.
    ///
    /// - Parameter isTick: true if the ticker calls; a partial frame may then go out before the far end runs dry.
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
        // The response has paused, so a mark will tell when the audio sent so far is played. A model that speaks in
        // real time leaves the backlog empty between any two frames, which is not a pause.
        if ticksSinceFrame > Self.ticksOfPause, bytesSinceMark > 0, backlog.isEmpty, !ledger.isMarked {
            writeMark(through: codec, to: &outbox)
        }
    }

    /// Moves the due audio into the ring leg's ring.
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

    /// The carrier returned a mark.
    mutating func echoed(_ mark: PlaybackMark, at now: MonotonicInstant) {
        if ledger.echoed(mark, at: now) == .played { counters.marksPlayed += 1 }
    }

    /// The next frame that may be sent now. A frame belongs to one item; the last frame of an item may be short.
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

    /// The bytes that the far end still has to play.
    mutating func aheadBytes(at now: MonotonicInstant) -> Int {
        unreadBytes ?? pacer.ahead(at: now).wholeMilliseconds * format.bytesPerMillisecond
    }

    /// With a ring leg the reader's position is known exactly, so no clock is needed.
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

    mutating func begin(_ item: AgentItem) {
        guard item != currentItem else { return }
        finishCurrentItem()
        currentItem = item
        // A model that has waited for a function's result goes on with the same item.
        guard item != countedItem else { return }
        countedItem = item
        countedBytes = 0
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

    mutating func decode(_ text: RawSpan, of item: AgentItem) throws(WireError) {
        var offset = 0
        while offset < text.byteCount {
            let end = min(offset + Self.sliceCharacters, text.byteCount)
            let memory = decoded.memory
            var target = memory.mutableSpan
            let count = try Base64.decode(text.extracting(offset..<end), into: &target)
            offset = end
            convert(memory.span.extracting(0..<count).bytes, of: item)
        }
    }

    private mutating func convert(_ audio: RawSpan, of item: AgentItem) {
        guard track == nil else { return convertTrack(audio) }
        counters.bytesFromAgent += audio.byteCount
        countedBytes += audio.byteCount
        converter.convert(audio) { bytes in
            sound.produced(bytes)
            let accepted = backlog.append(bytes, of: item)
            counters.droppedBytes += bytes.byteCount - accepted
            ledger.produced(accepted, of: item)
        }
        ledger.produced(milliseconds: countedBytes / converter.input.bytesPerMillisecond, of: item)
    }

    mutating func noteConversions() {
        counters.failedConversions += converter.takeFailures()
        counters.longestBacklogBytes = max(counters.longestBacklogBytes, backlog.byteCount)
    }

    /// About the bytes of audio in a payload.
    private static func byteCount(_ payload: WirePayload) -> Int {
        switch payload {
        case .inPlace(let range): range.count / 4 * 3
        case .unescaped(let text): text.count / 4 * 3
        case .raw(let range): range.count
        }
    }
}
