import TalkpathCore

/// Tells every sink.
struct EventFanOut: CallEventSink {
    private let sinks: [any CallEventSink]

    init(_ sinks: [any CallEventSink]) {
        self.sinks = sinks
    }

    func publish(_ event: CallEvent) {
        for sink in sinks { sink.publish(event) }
    }
}
