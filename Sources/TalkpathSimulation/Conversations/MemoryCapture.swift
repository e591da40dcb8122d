import TalkpathAudio
package import TalkpathCore

/// Captures one call on virtual time, in memory.
package final class MemoryCapture: CaptureSink, @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.

    package let standard = CapturePolicy(wire: true)
    private var facts: CaptureMetadata?
    private var reader: CaptureTapReader?
    private var writer: CaptureWriter?
    package private(set) var records: [CaptureRecord] = []

    /// The description that the capture has instead of the call's own.
    private let known: CaptureMetadata?
    private let ringCapacity: Int

    /// - Parameters:
    ///   - known: the description that the capture has instead of the call's own, as in a replay.
    ///   - ringCapacity: the bytes of all that one input causes; there is room for an answer that comes all at once.
    package init(as known: CaptureMetadata? = nil, ringCapacity: Int = 8 << 20) {
        self.known = known
        self.ringCapacity = ringCapacity
    }

    package func open(_ facts: CaptureMetadata) -> CaptureTap? {
        let facts = known ?? facts
        self.facts = facts
        writer = CaptureWriter(facts)
        let ring = ByteRing(minimumCapacity: ringCapacity)
        reader = CaptureTapReader(ring: ring.consumer)
        return CaptureTap(ring: ring.producer, from: facts.startedOn)
    }

    /// Takes the records that the call has left in its tap.
    package func collect() {
        reader?.drain { kind, instant, content in
            if let record = writer?.record(kind, at: instant, content: content) { records.append(record) }
        }
    }

    /// The call so far; `nil` if it has not begun.
    package var capture: Capture? {
        facts.map { Capture(facts: $0, records: records, ending: records.last?.kind == .finished ? .whole : .cut) }
    }
}
