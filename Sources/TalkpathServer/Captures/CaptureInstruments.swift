import CoreMetrics

/// The metrics of captures. Used on the writing thread.
struct CaptureInstruments: Sendable {
    private let stoppedWire: Counter
    private let stoppedAudio: Counter
    private let missing: Counter

    init(factory: any MetricsFactory = MetricsSystem.factory) {
        func counter(_ name: String, _ dimensions: [(String, String)] = []) -> Counter {
            Counter(label: "talkpath_\(name)", dimensions: dimensions, factory: factory)
        }
        stoppedWire = counter("captures_stopped_total", [("capture", "wire")])
        stoppedAudio = counter("captures_stopped_total", [("capture", "audio")])
        missing = counter("capture_messages_missing_total")
    }

    /// Counts a call whose part of the capture cannot be written any more.
    func stopped(_ part: CaptureJob.Part) {
        switch part {
        case .wire: stoppedWire.increment()
        case .audio: stoppedAudio.increment()
        }
    }

    /// Counts messages that did not fit into a tap.
    func left(out messages: Int) { missing.increment(by: messages) }
}
