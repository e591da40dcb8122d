import TalkpathAudio
import TalkpathWire

/// Silence for the agent while the line brings no audio.
extension UplinkPipeline {
    /// The model is ready: from now on it is never left without audio for 100 ms.
    mutating func startClock(at now: MonotonicInstant) {
        inputClock = InputClock(bytesPerMillisecond: format.bytesPerMillisecond, at: now)
    }

    mutating func stopClock() {
        inputClock = nil
    }

    /// Sends silence for the time in which the line gave no audio. Called at every tick.
    mutating func keepClock(
        through codec: borrowing AgentCodec,
        to outbox: inout MessageOutbox,
        at now: MonotonicInstant
    ) {
        feed(inputClock?.missing(at: now) ?? 0, isMissed: false, through: codec, to: &outbox, at: now)
    }

    /// Sends silence while the carrier's stream is open and brings nothing. Called at every tick.
    ///
    /// The agent, and our own voice detector, would otherwise wait for the end of the caller's turn until the line brings
    /// audio again.
    ///
    /// - Returns: true if silence was sent.
    mutating func bridgePause(
        through codec: borrowing AgentCodec,
        to outbox: inout MessageOutbox,
        at now: MonotonicInstant
    ) -> Bool {
        guard inputClock == nil else { return false }
        let milliseconds = linePause.missing(at: now)
        let bytes = milliseconds * format.bytesPerMillisecond
        feed(bytes, isMissed: true, through: codec, to: &outbox, at: now)
        return bytes > 0
    }

    /// - Parameter isMissed: our own voice detector takes it in, too.
    private mutating func feed(
        _ count: Int,
        isMissed: Bool,
        through codec: borrowing AgentCodec,
        to outbox: inout MessageOutbox,
        at now: MonotonicInstant
    ) {
        guard count > 0 else { return }
        counters.fedMilliseconds += count / max(1, format.bytesPerMillisecond)
        // Uses the scratch memory of `drain`, which holds nothing between calls.
        let memory = chunk.memory
        var left = count
        while left > 0 {
            let part = min(left, chunk.count)
            memory.update(repeating: format.silenceByte)
            if isMissed { miss(memory.span.extracting(0..<part).bytes, at: now) }
            pass(part, through: codec, to: &outbox, at: now)
            left -= part
        }
        inputClock?.filled()
    }

    /// True for silence that the model need not hear, because it hears the caller too late already.
    mutating func isSurplus(_ count: Int, at now: MonotonicInstant) -> Bool {
        guard let inputClock, inputClock.isAhead(at: now) else { return false }
        let memory = chunk.memory
        guard format.isSilent(memory.span.extracting(0..<count).bytes) else { return false }
        counters.skippedMilliseconds += count / max(1, format.bytesPerMillisecond)
        return true
    }
}

extension AudioFormat {
    /// The level of silence: below that of a line without a caller, and above that of digital silence.
    private static let silentPower = 1e-6

    /// True if these bytes hold no sound. Allocates nothing.
    func isSilent(_ bytes: RawSpan) -> Bool {
        switch encoding {
        case .mulaw: return LevelMeter.power(ofMuLaw: bytes) <= Self.silentPower
        case .alaw:
            var squares = 0.0
            for offset in 0..<bytes.byteCount {
                let sample = Double(ALaw.decode(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)))
                squares += sample * sample
            }
            return Self.isSilent(squares, count: bytes.byteCount)
        case .pcm16:
            var squares = 0.0
            for index in 0..<bytes.byteCount / 2 {
                let sample = Double(bytes.unsafeLoadUnaligned(fromByteOffset: index * 2, as: Int16.self))
                squares += sample * sample
            }
            return Self.isSilent(squares, count: bytes.byteCount / 2)
        }
    }

    private static func isSilent(_ squares: Double, count: Int) -> Bool {
        squares <= silentPower * Double(count) * 32768 * 32768
    }
}
