import Synchronization
import TalkpathCore
import TalkpathStore

/// Carries events from the media loop to the store.
///
/// On the loop, an event is only added to a bounded buffer: no receiver, disk or network can hold up the loop. The
/// store takes the buffer's content with its next transaction, on its own thread. If the store is so far behind that
/// the buffer is full, events are dropped and counted, except the ends of calls.
final class EventRecorder: CallEventSink, OutboxSource {
    private struct Told {
        var event: CallEvent
        var at: WallTime
    }

    private struct State {
        var told: [Told] = []
        /// Entries that could not be written. They are older than those in `told`.
        var putBack: [OutboxEntry] = []
        var dropped = 0
    }

    private let state = Mutex(State())
    /// The timelines of live calls. Used when the store takes the events.
    private let timelines = Mutex<[CallID: ConversationTimeline]>([:])
    private let capacity: Int
    private let keepsTranscripts: Bool
    private let clock: any CallClock
    /// Rung when there is something to write.
    let bell = Bell()
    let bells = EventBells()
    /// Rung when endpoints were added or deleted.
    let endpointChanges = Bell()

    init(capacity: Int = 10_000, keepsTranscripts: Bool = true, clock: any CallClock) {
        self.capacity = capacity
        self.keepsTranscripts = keepsTranscripts
        self.clock = clock
    }

    /// The number of dropped events since the last time.
    func takeDropped() -> Int {
        state.withLock { state in
            defer { state.dropped = 0 }
            return state.dropped
        }
    }

    func publish(_ event: CallEvent) {
        let time = clock.wallTime
        let isFirst = state.withLock { state in
            let isEnd = if case .ended = event.kind { true } else { false }
            guard isEnd || state.told.count + state.putBack.count < capacity else {
                state.dropped += 1
                return false
            }
            state.told.append(Told(event: event, at: time))
            return state.told.count == 1
        }
        if isFirst { bell.ring() }
    }

    // MARK: The store's side

    func takePending() -> [OutboxEntry] {
        let (told, putBack) = state.withLock { state in
            defer {
                state.told = []
                state.putBack = []
            }
            return (state.told, state.putBack)
        }
        return putBack + told.flatMap(entries)
    }

    func putBack(_ entries: [OutboxEntry]) {
        state.withLock { $0.putBack = entries + $0.putBack }
    }

    func events(endOf call: CallSnapshot) -> [OutboxEvent] { EventCatalogue.events(endOf: call) }

    func event(analysisOf call: CallSnapshot, at now: WallTime) -> OutboxEvent {
        EventCatalogue.event(analysisOf: call, at: now)
    }

    func written(_ calls: Set<CallID>) { bells.ring(calls) }

    func endpointAdded() { endpointChanges.ring() }

    private func entries(_ told: Told) -> [OutboxEntry] {
        let call = told.event.callID
        var entries: [OutboxEntry] = []
        switch told.event.kind {
        case .ringing: entries.append(.progress(call, .ringing, at: told.at))
        case .answered: entries.append(.progress(call, .inProgress, at: told.at))
        default: break
        }
        let timeline = timelines.withLock { timelines -> ConversationTimeline? in
            timelines[call, default: ConversationTimeline()].note(told.event)
            if case .ended = told.event.kind { return timelines.removeValue(forKey: call) }
            return nil
        }
        if let timeline { entries.append(.timeline(call, timeline.json)) }
        switch told.event.kind {
        case .transcript, .transcriptCorrected: if !keepsTranscripts { return entries }
        default: break
        }
        if let event = EventCatalogue.event(told.event, at: told.at) { entries.append(.event(event)) }
        return entries
    }
}
