import Synchronization
import Tracing

/// A tracer that hands finished spans to a bounded queue, from which they are sent as OTLP.
struct OTLPTracer: Tracer {
    let queue: SpanQueue

    func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> OTLPSpan {
        let outer = context()
        let parent = outer[TraceParentKey.self]
        let own = TraceParent.child(of: parent)
        var inner = outer
        inner[TraceParentKey.self] = own
        let record = SpanRecord(
            name: operationName,
            kind: kind,
            place: own,
            parent: parent?.span,
            start: instant().nanosecondsSinceEpoch
        )
        return OTLPSpan(record, context: inner, queue: queue)
    }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout ServiceContext,
        using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let text = extractor.extract(key: TraceParent.header, from: carrier),
            let parent = TraceParent(text)
        else { return }
        context[TraceParentKey.self] = parent
    }

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let place = context[TraceParentKey.self] else { return }
        injector.inject(place.text, forKey: TraceParent.header, into: &carrier)
    }

    /// Does nothing: no caller waits for the spans' receiver.
    func forceFlush() {}
}

enum TraceParentKey: ServiceContextKey {
    typealias Value = TraceParent
    static var nameOverride: String? { TraceParent.header }
}

/// The content of a span.
struct SpanRecord: Sendable {
    struct Event: Sendable {
        var name: String
        var at: UInt64
        var attributes: SpanAttributes
    }

    var name: String
    var kind: SpanKind
    var place: TraceParent
    var parent: String?
    var start: UInt64
    var end: UInt64?
    var attributes: SpanAttributes = [:]
    var events: [Event] = []
    /// Events that were left out, because there were too many.
    var eventsDropped = 0
    var status: SpanStatus?

    static let mostEvents = 512
}

/// A span of ours. Thread-safe; changes after its end are ignored.
final class OTLPSpan: Span {
    let context: ServiceContext
    private let record: Mutex<SpanRecord>
    private let queue: SpanQueue
    private let isSampled: Bool

    init(_ record: SpanRecord, context: ServiceContext, queue: SpanQueue) {
        self.context = context
        self.queue = queue
        isSampled = record.place.isSampled
        self.record = Mutex(record)
    }

    var isRecording: Bool { isSampled && record.withLock { $0.end == nil } }

    var operationName: String {
        get { record.withLock { $0.name } }
        set { change { $0.name = newValue } }
    }

    var attributes: SpanAttributes {
        get { record.withLock { $0.attributes } }
        set { change { $0.attributes = newValue } }
    }

    func setStatus(_ status: SpanStatus) { change { $0.status = status } }

    func addEvent(_ event: SpanEvent) {
        change { record in
            guard record.events.count < SpanRecord.mostEvents else { return record.eventsDropped += 1 }
            record.events.append(
                .init(name: event.name, at: event.nanosecondsSinceEpoch, attributes: event.attributes)
            )
        }
    }

    func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        var all = attributes
        // The type, not the text: an error may contain text of a peer.
        all["exception.type"] = "\(type(of: error))"
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: all))
    }

    /// Links are not kept: a call is one trace.
    func addLink(_ link: SpanLink) {}

    func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        let end = instant().nanosecondsSinceEpoch
        let finished = record.withLock { record -> SpanRecord? in
            guard record.end == nil else { return nil }
            record.end = max(end, record.start)
            return record
        }
        if let finished, isSampled { queue.offer(finished) }
    }

    private func change(_ body: (inout SpanRecord) -> Void) {
        record.withLock { record in
            if record.end == nil { body(&record) }
        }
    }
}

/// Finished spans that wait to be sent. Bounded: what does not fit is dropped and counted. Thread-safe; never waits.
final class SpanQueue: Sendable {
    private struct State {
        var spans: [SpanRecord] = []
        var dropped = 0
    }

    private let state = Mutex(State())
    private let capacity: Int
    /// Rung when a batch is there.
    let bell = Bell()
    static let batch = 512

    init(capacity: Int = 8192) {
        self.capacity = capacity
    }

    func offer(_ span: SpanRecord) {
        let isBatch = state.withLock { state in
            guard state.spans.count < capacity else {
                state.dropped += 1
                return false
            }
            state.spans.append(span)
            return state.spans.count == Self.batch
        }
        if isBatch { bell.ring() }
    }

    func take() -> [SpanRecord] {
        state.withLock { state in
            let batch = Array(state.spans.prefix(Self.batch))
            state.spans.removeFirst(batch.count)
            return batch
        }
    }

    var isEmpty: Bool { state.withLock { $0.spans.isEmpty } }

    /// The spans that did not fit since the last time.
    func takeDropped() -> Int {
        state.withLock { state in
            defer { state.dropped = 0 }
            return state.dropped
        }
    }
}
