import TalkpathAudio

/// The carrier's playback and the caller's ear, byte by byte: the judge of the heard audio.
///
/// Shares no code with the pacer and the ledger. Plays received audio in order and in real time, one byte in 125 µs;
/// echoes a mark at its position; a clear drops the waiting audio and echoes the waiting marks at once.
struct CarrierPlayout {
    private enum Entry {
        case audio(ArraySlice<UInt8>)
        case mark(String)
    }

    private var waiting: [Entry] = []
    /// The time at which the next byte begins to play, in microseconds.
    private var cursor = 0
    private(set) var heard: [UInt8] = []
    private(set) var clears = 0
    /// The number of bytes heard before each clear.
    private var echoes: [String] = []

    private static let microsecondsPerByte = 125

    mutating func receive(_ message: CarrierMessage, at now: Int) {
        advance(to: now)
        switch message {
        case .media(let bytes):
            if waiting.isEmpty { cursor = max(cursor, now) }
            waiting.append(.audio(bytes[...]))
        case .mark(let name):
            waiting.append(.mark(name))
            advance(to: now)
        case .clear:
            clears += 1
            for case .mark(let name) in waiting { echoes.append(name) }
            waiting.removeAll()
            cursor = now
        }
    }

    mutating func advance(to now: Int) {
        while let first = waiting.first {
            switch first {
            case .mark(let name):
                echoes.append(name)
                waiting.removeFirst()
            case .audio(let bytes):
                let count = min(bytes.count, max(0, now - cursor) / Self.microsecondsPerByte)
                heard += bytes.prefix(count)
                cursor += count * Self.microsecondsPerByte
                guard count == bytes.count else {
                    waiting[0] = .audio(bytes.dropFirst(count))
                    return
                }
                waiting.removeFirst()
            }
        }
    }

    /// The waiting marks, as a far end echoes them that misreports its playback.
    mutating func takeEarlyEchoes() -> [String] {
        defer { waiting.removeAll { if case .mark = $0 { true } else { false } } }
        return waiting.compactMap { if case .mark(let name) = $0 { name } else { nil } }
    }

    var waitingMilliseconds: Int {
        waiting.reduce(0) { if case .audio(let bytes) = $1 { $0 + bytes.count / 8 } else { $0 } }
    }

    mutating func takeEchoes() -> [String] {
        defer { echoes = [] }
        return echoes
    }
}
