import TalkpathAudio
package import TalkpathCore

/// Captures one call on virtual time, in memory.
package final class MemoryCapture: CaptureSink, @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.

    package let standard = CapturePolicy(wire: true)
    private var facts: CaptureMetadata?
    private var reader: CaptureTapReader?
    private var writer: CaptureWriter?
    private var records: [CaptureRecord] = []

    /// Room for an answer that comes all at once.
    private static let ringCapacity = 8 << 20

    package init() {}

    package func open(_ facts: CaptureMetadata) -> CaptureTap? {
        self.facts = facts
        writer = CaptureWriter(facts)
        let ring = ByteRing(minimumCapacity: Self.ringCapacity)
        reader = CaptureTapReader(ring: ring.consumer)
        return CaptureTap(ring: ring.producer, from: facts.startedOn)
    }

    /// Takes what the call has left in its tap.
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
