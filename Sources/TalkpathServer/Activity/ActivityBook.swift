import Synchronization
import TalkpathCore

/// What has happened on the live calls, and on those that ended last, in more detail than the events that leave the
/// server: for whoever watches. In memory only, and bounded.
///
/// On the media loop an event is put into its call's list, and watchers are woken; nothing there waits for a watcher.
final class ActivityBook: CallEventSink {
    /// Something that happened on a call. Numbers begin with 1 and grow.
    struct Moment: Sendable {
        var number: Int
        var event: CallEvent

        fileprivate var holdsWords: Bool {
            switch event.kind {
            case .transcript, .transcriptCorrected: true
            default: false
            }
        }
    }

    private struct Page {
        var moments: [Moment] = []
        var last = 0
    }

    private struct Watcher {
        /// `nil`: all calls.
        var call: CallID?
        var bell: Bell
        /// Calls on which something has happened since the watcher asked last.
        var touched: Set<CallID> = []
    }

    private struct State {
        var pages: [CallID: Page] = [:]
        /// Calls that have ended, the oldest first.
        var ended: [CallID] = []
        var watchers: [Int: Watcher] = [:]
        var lastWatcher = 0
    }

    private let state = Mutex(State())
    private let mostMoments: Int
    private let mostEnded: Int

    /// - Parameters:
    ///   - mostMoments: kept of one call; the oldest go first.
    ///   - mostEnded: ended calls whose moments are kept.
    init(mostMoments: Int = 4000, mostEnded: Int = 100) {
        self.mostMoments = mostMoments
        self.mostEnded = mostEnded
    }

    func publish(_ event: CallEvent) {
        let bells = state.withLock { state -> [Bell] in
            let call = event.callID
            var page = state.pages.removeValue(forKey: call) ?? Page()
            page.last += 1
            page.moments.append(Moment(number: page.last, event: event))
            // A quarter at once, so that long calls do not move the whole list at every moment.
            if page.moments.count > mostMoments { page.moments.removeFirst(max(1, mostMoments / 4)) }
            state.pages[call] = page
            if case .ended = event.kind {
                // The record has the words from here on, for as long as it may.
                state.pages[call]?.moments.removeAll(where: \.holdsWords)
                state.ended.append(call)
                if state.ended.count > mostEnded { state.pages[state.ended.removeFirst()] = nil }
            }
            var bells: [Bell] = []
            for (number, watcher) in state.watchers where watcher.call == nil || watcher.call == call {
                state.watchers[number]?.touched.insert(call)
                bells.append(watcher.bell)
            }
            return bells
        }
        for bell in bells { bell.ring() }
    }

    // MARK: Watching

    /// - Parameter call: `nil` watches all calls, of all tenants: the watcher leaves out those that are not its own.
    /// - Returns: what ``touched(by:)`` and ``forget(_:)`` take.
    func watch(_ call: CallID? = nil, waking bell: Bell) -> Int {
        state.withLock { state in
            state.lastWatcher += 1
            state.watchers[state.lastWatcher] = Watcher(call: call, bell: bell)
            return state.lastWatcher
        }
    }

    func forget(_ watcher: Int) {
        state.withLock { $0.watchers[watcher] = nil }
    }

    /// Calls on which something has happened since this was asked the last time.
    func touched(by watcher: Int) -> Set<CallID> {
        state.withLock { state in
            let touched = state.watchers[watcher]?.touched ?? []
            state.watchers[watcher]?.touched = []
            return touched
        }
    }

    /// What has happened on a call after the moment of that number.
    func moments(of call: CallID, after number: Int = 0) -> [Moment] {
        state.withLock { state in
            guard let page = state.pages[call], page.last > number else { return [] }
            return Array(page.moments.drop { $0.number <= number })
        }
    }

    /// Everything of a call is forgotten, as its record is.
    func delete(_ call: CallID) {
        state.withLock { state in
            state.pages[call] = nil
            state.ended.removeAll { $0 == call }
        }
    }
}
