import Synchronization
import TalkpathAudio
import TalkpathCore
import Tracing

/// Makes a trace of each call, from the events that the call publishes anyway.
///
/// On the call's loop, an event is only added to a bounded buffer. The spans are made by its drainer: a task of its
/// own, or a function or webhook that needs the call's place in its trace. Without a tracer, only the header that a
/// client sent is kept, and given on. Thread-safe.
final class CallTraces: CallEventSink {
    /// A call's attributes in its trace, besides its events.
    struct Call: Sendable {
        var direction: CallDirection
        var agent: AgentProfile
    }

    private struct Told {
        var event: CallEvent
        var at: WallTime
    }

    private struct Inbox {
        var told: [Told] = []
        var dropped = 0
    }

    private struct State {
        /// The places that clients have named for calls that have not begun.
        var adopted: [CallID: ServiceContext] = [:]
        var traces: [CallID: CallTrace] = [:]
        /// The places of calls that have ended, for the webhooks that are still to be sent; oldest first.
        var ended: [(call: CallID, context: ServiceContext)] = []
    }

    let tracer: any Tracer
    /// True if spans are made.
    let isOn: Bool
    /// True if spans have the words of the call and the arguments of functions.
    let holdsContent: Bool
    private let inbox = Mutex(Inbox())
    private let state = Mutex(State())
    private let describing = Mutex<(@Sendable (CallID) -> Call?)?>(nil)
    private let clock: any CallClock
    private let bell = Bell()

    private static let mostWaiting = 10_000
    private static let mostEnded = 1000

    init(tracer: any Tracer, holdsContent: Bool = false, clock: any CallClock) {
        self.tracer = tracer
        isOn = !(tracer is NoOpTracer)
        self.holdsContent = holdsContent
        self.clock = clock
    }

    /// - Parameter describe: finds a live call. Any thread may call it.
    func describe(with describe: @escaping @Sendable (CallID) -> Call?) {
        describing.withLock { $0 = describe }
    }

    // MARK: On the call's loop

    func publish(_ event: CallEvent) {
        guard isOn else {
            if event.isEnd { end(event.callID) }
            return
        }
        let time = clock.wallTime
        let isFirst = inbox.withLock { inbox in
            guard event.isEnd || inbox.told.count < Self.mostWaiting else {
                inbox.dropped += 1
                return false
            }
            inbox.told.append(Told(event: event, at: time))
            return inbox.told.count == 1
        }
        if isFirst { bell.ring() }
    }

    /// Without a tracer, the client's `traceparent` stays for the webhooks that are still to be sent.
    private func end(_ call: CallID) {
        state.withLock { state in
            if let context = state.adopted.removeValue(forKey: call) { keep(context, of: call, &state) }
        }
    }

    // MARK: Beside it

    /// Makes spans of published events, until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await bell.wait(atMost: .seconds(5))
            drain()
        }
    }

    /// Keeps the place in a trace that a client has named for the call that it begins.
    func adopt(_ header: String?, for call: CallID) {
        guard let header, let parent = TraceParent(header) else { return }
        var context = ServiceContext.topLevel
        context[TraceParentKey.self] = parent
        tracer.extract([TraceParent.header: parent.text], into: &context, using: Headers())
        state.withLock { $0.adopted[call] = context }
    }

    /// The call did not begin.
    func forget(_ call: CallID) {
        state.withLock { $0.adopted[call] = nil }
    }

    /// The call's place in its trace; `nil` if nothing is known of one.
    func context(of call: CallID) -> ServiceContext? {
        drain()
        return state.withLock { state in
            state.traces[call]?.context ?? state.adopted[call] ?? state.ended.last { $0.call == call }?.context
        }
    }

    /// The headers by which another program continues a trace.
    func headers(_ context: ServiceContext?) -> [(name: String, value: String)] {
        guard let context else { return [] }
        var carrier: [String: String] = [:]
        if isOn {
            tracer.inject(context, into: &carrier, using: Headers())
        } else if let place = context[TraceParentKey.self] {
            carrier[TraceParent.header] = place.text
        }
        return carrier.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    }

    /// Begins a span below a call's, for work that takes its own time; `nil` without a tracer.
    func startSpan(
        _ name: String,
        in call: CallID,
        ofKind kind: SpanKind,
        attributes: SpanAttributes
    ) -> (any Tracing.Span)? {
        guard isOn, let context = context(of: call) else { return nil }
        let span: any Tracing.Span = tracer.startSpan(
            name,
            context: context,
            ofKind: kind,
            at: now,
            function: #function,
            file: #fileID,
            line: #line
        )
        span.attributes = attributes
        return span
    }

    /// On the clock of calls' events.
    var now: TraceInstant { TraceInstant(clock.wallTime) }

    /// Makes spans of the events published so far.
    func drain() {
        state.withLock { state in
            let told = inbox.withLock { inbox in
                defer { inbox.told = [] }
                return inbox.told
            }
            for one in told { take(one, &state) }
        }
    }

    private func take(_ told: Told, _ state: inout State) {
        let id = told.event.callID
        var trace =
            state.traces.removeValue(forKey: id)
            ?? CallTrace(
                id,
                began: TraceInstant(told.at) - told.event.at,
                below: state.adopted.removeValue(forKey: id) ?? .topLevel,
                tracer: tracer,
                holdsContent: holdsContent
            )
        if !trace.isDescribed, let call = describing.withLock(\.self)?(id) { trace.describe(call) }
        trace.take(told.event)
        if told.event.isEnd {
            keep(trace.context, of: id, &state)
        } else {
            state.traces[id] = trace
        }
    }

    private func keep(_ context: ServiceContext, of call: CallID, _ state: inout State) {
        state.ended.append((call, context))
        if state.ended.count > Self.mostEnded { state.ended.removeFirst(Self.mostEnded / 4) }
    }

    /// Reads and writes headers in a dictionary.
    private struct Headers: Extractor, Injector {
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }

        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
    }
}

extension CallEvent {
    fileprivate var isEnd: Bool {
        if case .ended = kind { true } else { false }
    }
}

/// A time in a trace.
struct TraceInstant: TracerInstant {
    var nanosecondsSinceEpoch: UInt64

    init(_ time: WallTime) {
        nanosecondsSinceEpoch = UInt64(max(0, min(time.milliseconds, Self.latest))) * 1_000_000
    }

    /// In milliseconds: the year 2255. As nanoseconds it fits into 63 bits.
    private static let latest: Int64 = 9_000_000_000_000

    static func < (left: Self, right: Self) -> Bool { left.nanosecondsSinceEpoch < right.nanosecondsSinceEpoch }

    static func + (time: Self, duration: Duration) -> Self {
        var later = time
        let nanoseconds = UInt64(max(0, min(duration.wholeNanoseconds, latest * 1_000_000)))
        later.nanosecondsSinceEpoch = time.nanosecondsSinceEpoch.addingReportingOverflow(nanoseconds).partialValue
        return later
    }

    static func - (time: Self, duration: Duration) -> Self {
        var earlier = time
        let nanoseconds = UInt64(max(0, min(duration.wholeNanoseconds, latest * 1_000_000)))
        earlier.nanosecondsSinceEpoch -= min(nanoseconds, time.nanosecondsSinceEpoch)
        return earlier
    }
}
