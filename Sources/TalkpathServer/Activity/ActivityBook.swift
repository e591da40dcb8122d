import Synchronization
import TalkpathCore

/// The moments of live calls and of those that ended last, in more detail than the events that leave the server.
/// Clients watch them. Kept in memory only, up to a limit.
///
/// On the media loop, an event is added to its call's list, and watchers are woken. The loop never waits for a watcher.
final class ActivityBook: CallEventSink {
    /// A moment of a call. Numbers begin with 1 and grow.
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
        /// `nil` for all calls.
        var call: CallID?
        var bell: Bell
        /// Calls with new moments since the watcher last asked.
        var touched: Set<CallID> = []
    }

    private struct State {
        var pages: [CallID: Page] = [:]
        /// Ended calls, oldest first.
        var ended: [CallID] = []
        var watchers: [Int: Watcher] = [:]
        var lastWatcher = 0
    }

    private let state = Mutex(State())
    private let mostMoments: Int
    private let mostEnded: Int

    /// - Parameters:
    ///   - mostMoments: the most moments kept of one call; the oldest are dropped first.
    ///   - mostEnded: the most ended calls whose moments are kept.
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
            // Drop a quarter at once, so that a long call does not move the whole list at every moment.
            if page.moments.count > mostMoments { page.moments.removeFirst(max(1, mostMoments / 4)) }
            state.pages[call] = page
            if case .ended = event.kind {
                // The record holds the transcript from now on, for as long as it may be kept.
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

    /// - Parameter call: `nil` watches the calls of all tenants. The watcher must leave out those of other tenants.
    /// - Returns: the watcher's number, for ``touched(by:)`` and ``forget(_:)``.
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

    /// Returns the calls with new moments since the last time.
    func touched(by watcher: Int) -> Set<CallID> {
        state.withLock { state in
            let touched = state.watchers[watcher]?.touched ?? []
            state.watchers[watcher]?.touched = []
            return touched
        }
    }

    /// Returns the call's moments after the one of that number.
    func moments(of call: CallID, after number: Int = 0) -> [Moment] {
        state.withLock { state in
            guard let page = state.pages[call], page.last > number else { return [] }
            return Array(page.moments.drop { $0.number <= number })
        }
    }

    /// Deletes all moments of a call, when its record is deleted.
    func delete(_ call: CallID) {
        state.withLock { state in
            state.pages[call] = nil
            state.ended.removeAll { $0 == call }
        }
    }
}
