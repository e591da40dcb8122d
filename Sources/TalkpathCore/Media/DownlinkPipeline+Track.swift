import TalkpathAudio
import TalkpathWire

/// The least that has waited to be played for the last 200 to 400 ms: jitter passes, and a delay stays.
struct QueueFloor {
    private var present = Int.max
    private var before = Int.max
    private var count = 0

    private static let pieces = 10

    var least: Int { min(present, before) }

    /// The far end has run dry within an utterance, and what was late arrives at once. A wait from now on is a delay.
    mutating func restart() { self = QueueFloor() }

    mutating func note(_ bytes: Int) {
        if count == Self.pieces {
            before = present
            present = .max
            count = 0
        }
        present = min(present, bytes)
        count += 1
    }

    /// So much less waits now than has been noted.
    mutating func shrink(by bytes: Int) {
        if present != .max { present -= bytes }
        if before != .max { before -= bytes }
    }
}

/// The continuous track of a model that speaks at the speed of real time.
///
/// Audio that comes late is played late, and so is all audio after it. So silence is left out for as long as the far end has
/// more to play than a cushion against jitter; between utterances it is never sent.
extension DownlinkPipeline {
    /// The audio that the far end holds in front of an utterance, against jitter of the model's messages.
    static let cushionMilliseconds = 30
    /// The jitter of the model's messages that needs no correction: a piece is not left out for less than its length.
    private static let toleranceMilliseconds = 20
    /// Audio that a stall of the model's socket has delayed arrives within this time.
    private static let longestBurst = Duration.milliseconds(20)

    /// Takes in a piece of the track. ``takeTrackChanges()`` tells what began and ended in it.
    mutating func ingestTrack(_ audio: AgentAudio, in message: RawSpan, at now: MonotonicInstant) {
        guard adopt(audio.format) else {
            counters.badPayloads += 1
            return
        }
        trackQueue = aheadBytes(at: now) + backlog.byteCount
        noteStall(at: now)
        do {
            switch audio.payload {
            case .inPlace(let range): try decode(message.extracting(range), of: audio.item)
            case .unescaped(let text): try decode(text.span.bytes, of: audio.item)
            case .raw(let range): convertTrack(message.extracting(range))
            }
        } catch {
            counters.badPayloads += 1
        }
        noteConversions()
    }

    private mutating func noteStall(at now: MonotonicInstant) {
        if trackQueue <= 0, track?.current != nil { trackDry = now }
        guard let dry = trackDry else { return }
        trackFloor.restart()
        if now - dry >= Self.longestBurst { trackDry = nil }
    }

    /// Returns the utterances that began and ended since the last call, oldest first.
    mutating func takeTrackChanges() -> [SpeechTrack.Change] {
        guard !trackChanges.isEmpty else { return [] }
        defer { trackChanges.removeAll() }
        return trackChanges
    }

    mutating func convertTrack(_ audio: RawSpan) {
        counters.bytesFromAgent += audio.byteCount
        let memory = trackPiece.memory
        var count = 0
        var lost = 0
        converter.convert(audio) { bytes in
            let room = min(bytes.byteCount, memory.count - count)
            bytes.withUnsafeBytes { source in
                // Safety: both have `room` bytes left.
                guard let from = source.baseAddress, let to = memory.baseAddress else { return }
                UnsafeMutableRawPointer(to + count).copyMemory(from: from, byteCount: room)
            }
            count += room
            lost += bytes.byteCount - room
        }
        counters.droppedBytes += lost
        var offset = 0
        while offset < count {
            let part = min(format.frameBytes, count - offset)
            admit(memory.span.extracting(offset..<offset + part).bytes)
            offset += part
        }
    }

    private mutating func admit(_ piece: RawSpan) {
        let isSilent = format.isSilent(piece)
        let change = track?.hear(piece.byteCount, isSilent: isSilent)
        if let change { trackChanges.append(change) }
        if case .began(let item)? = change {
            responseStarted()
            begin(item)
            trackFloor = QueueFloor()
            addCushion(before: item)
        }
        if let item = track?.current {
            play(piece, of: item, isSilent: isSilent)
        } else if change == nil {
            counters.skippedBytes += piece.byteCount
        }
        if case .ended? = change { responseEnded() }
        // The next piece is due by so much later.
        trackQueue -= piece.byteCount
    }

    private mutating func addCushion(before item: AgentItem) {
        guard !isMuted, !ledger.isDiscarded(item) else { return }
        let wanted = Self.cushionMilliseconds * format.bytesPerMillisecond - max(0, trackQueue)
        guard wanted > 0 else { return }
        var left = wanted
        let memory = silence.memory
        while left > 0 {
            let part = min(left, memory.count)
            queue(memory.span.extracting(0..<part).bytes, of: item)
            left -= part
        }
    }

    private mutating func play(_ piece: RawSpan, of item: AgentItem, isSilent: Bool) {
        guard !isAwaitingResponse, !ledger.isDiscarded(item) else {
            counters.lateBytes += piece.byteCount
            return
        }
        guard !isMuted else {
            swallow(item, bytes: piece.byteCount)
            return
        }
        trackFloor.note(trackQueue)
        if isSilent {
            let most = Self.cushionMilliseconds + Self.toleranceMilliseconds
            guard trackFloor.least < most * format.bytesPerMillisecond else {
                counters.skippedBytes += piece.byteCount
                trackFloor.shrink(by: piece.byteCount)
                return
            }
        } else {
            playoutDelay.record(.milliseconds(max(0, trackQueue) / max(1, format.bytesPerMillisecond)))
        }
        queue(piece, of: item)
    }

    private mutating func queue(_ bytes: RawSpan, of item: AgentItem) {
        let accepted = backlog.append(bytes, of: item)
        counters.droppedBytes += bytes.byteCount - accepted
        ledger.produced(accepted, of: item)
        countedBytes += accepted
        ledger.produced(milliseconds: countedBytes / max(1, format.bytesPerMillisecond), of: item)
        trackQueue += accepted
    }
}
