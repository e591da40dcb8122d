import Synchronization
package import TalkpathAudio

/// The lane of every live call: by the call's name, by the carrier's, and by the token of its media socket.
///
/// Any thread may ask, and none waits for a lane: a question is a look into dictionaries under a lock that no thread
/// holds for longer than that. No frame of audio asks. It also counts the calls, so that a limit holds over all lanes.
package final class LaneDirectory: Sendable {
    /// A place on a lane.
    package struct Seat: Equatable, Sendable {
        package var call: CallID
        package var lane: Int
        /// False for a call that was there before.
        package var isNew = true
    }

    private struct Entry {
        var lane: Int
        /// Nil until the lane has begun the call.
        var session: CallSession?
        var carrierNames: [String] = []
        var token: String?
        /// The newest description that a caller of the directory got, for listings while the lane does not answer.
        var lastSeen: CallSnapshot?
        var hasEnded = false
    }

    private struct Token {
        var call: CallID
        var expires: MonotonicInstant
    }

    private struct Lane {
        var calls = 0
        var lag = Duration.zero
        var uplinkMilliseconds = 0
        var backlogMilliseconds = 0
    }

    private struct State {
        var entries: [CallID: Entry] = [:]
        var byCarrierCallID: [String: CallID] = [:]
        var tokens: [String: Token] = [:]
        var lanes: [Lane]
        var ended = 0
        var isDraining = false
    }

    private let state: Mutex<State>
    /// The instant at which each lane was last seen at work.
    private let ticks: [Tick]
    private let maximumCalls: Int
    private let instruments: CallInstruments
    private let laneInstruments: [LaneInstruments]
    private let tokenLifetime: Duration

    private final class Tick: Sendable {
        let nanoseconds = Atomic<Int64>(0)
    }

    /// A carrier has one id for a call, or two if it connects the caller anew; further ones are not kept.
    private static let mostCarrierNames = 8
    /// A lane that has not ticked for so long gets no new call if another one ticks.
    private static let silence = Duration.seconds(1)

    package init(
        lanes: Int,
        maximumCalls: Int,
        instruments: CallInstruments = CallInstruments(),
        tokenLifetime: Duration = CallManager.streamTokenLifetime
    ) {
        precondition(lanes > 0, "calls need a lane")
        state = Mutex(State(lanes: Array(repeating: Lane(), count: lanes)))
        ticks = (0..<lanes).map { _ in Tick() }
        self.maximumCalls = maximumCalls
        self.instruments = instruments
        laneInstruments = (0..<lanes).map { instruments.lane($0) }
        self.tokenLifetime = tokenLifetime
    }

    // MARK: New calls

    /// Takes a place for a call, or finds the one that it has.
    ///
    /// The place counts at once, so that calls that begin at the same time on several lanes cannot exceed the limit.
    /// Give it back with ``forget(_:)`` if the call does not begin.
    ///
    /// - Parameters:
    ///   - carrierCallID: the carrier's name of the call. A call that is known by it keeps its place.
    ///   - lane: the lane that the call must have; `nil` takes the one with the most room.
    package func reserve(
        _ call: CallID,
        carrierCallID: String? = nil,
        on lane: Int? = nil,
        at now: MonotonicInstant
    ) throws(CallManager.Refusal) -> Seat {
        let result: Result<Seat, CallManager.Refusal> = state.withLock { state in
            if let name = carrierCallID, let known = state.byCarrierCallID[name], let entry = state.entries[known] {
                return .success(Seat(call: known, lane: entry.lane, isNew: false))
            }
            guard !state.isDraining else { return .failure(.draining) }
            guard state.entries[call] == nil else { return .failure(.knownID) }
            guard state.entries.count < maximumCalls else { return .failure(.full) }
            let lane = lane ?? roomiest(state, at: now)
            var entry = Entry(lane: lane)
            if let carrierCallID {
                entry.carrierNames = [carrierCallID]
                state.byCarrierCallID[carrierCallID] = call
            }
            state.entries[call] = entry
            state.lanes[lane].calls += 1
            tellCalls(state, of: lane)
            return .success(Seat(call: call, lane: lane))
        }
        return try result.get()
    }

    /// The lane with the fewest calls, and of several such the one with the least lag.
    package func laneWithMostRoom(at now: MonotonicInstant) -> Int {
        state.withLock { roomiest($0, at: now) }
    }

    private func roomiest(_ state: borrowing State, at now: MonotonicInstant) -> Int {
        var best = 0
        var bestRank = (isSilent: true, calls: Int.max, lag: Duration.seconds(Int64.max / 2))
        for lane in state.lanes.indices {
            let rank = (isSilent: isSilent(lane, at: now), calls: state.lanes[lane].calls, lag: state.lanes[lane].lag)
            let isBetter =
                rank.isSilent != bestRank.isSilent
                ? !rank.isSilent
                : rank.calls != bestRank.calls ? rank.calls < bestRank.calls : rank.lag < bestRank.lag
            if isBetter { (best, bestRank) = (lane, rank) }
        }
        return best
    }

    private func isSilent(_ lane: Int, at now: MonotonicInstant) -> Bool {
        let last = ticks[lane].nanoseconds.load(ordering: .relaxed)
        return last > 0 && now - MonotonicInstant(nanoseconds: last) > Self.silence
    }

    /// The lane has begun the call.
    func began(_ session: CallSession, as snapshot: CallSnapshot) {
        state.withLock {
            $0.entries[session.id]?.session = session
            $0.entries[session.id]?.lastSeen = snapshot
        }
    }

    /// The call's `ended` was published: it does not count among the live ones any more, although it keeps its place
    /// until the lane has let go of it.
    func ended(_ call: CallID) {
        state.withLock { state in
            guard state.entries[call]?.hasEnded == false else { return }
            state.entries[call]?.hasEnded = true
            state.ended += 1
        }
    }

    /// Nothing is left of the call.
    package func forget(_ call: CallID) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: call) else { return }
            for name in entry.carrierNames where state.byCarrierCallID[name] == call {
                state.byCarrierCallID[name] = nil
            }
            if let token = entry.token { state.tokens[token] = nil }
            if entry.hasEnded { state.ended -= 1 }
            state.lanes[entry.lane].calls -= 1
            tellCalls(state, of: entry.lane)
        }
    }

    /// Under the lock, so that the last published value is the true one.
    private func tellCalls(_ state: borrowing State, of lane: Int) {
        instruments.active(calls: state.entries.count)
        laneInstruments[lane].active(calls: state.lanes[lane].calls)
    }

    // MARK: Asking

    /// Places that are taken.
    package var count: Int { state.withLock { $0.entries.count } }

    /// Calls that have not ended.
    package var live: Int { state.withLock { $0.entries.count - $0.ended } }

    package func count(on lane: Int) -> Int { state.withLock { $0.lanes[lane].calls } }

    /// The worst lateness of a lane's ticks in the last second.
    package var worstLag: Duration { state.withLock { state in state.lanes.map(\.lag).max() ?? .zero } }

    package var isDraining: Bool { state.withLock { $0.isDraining } }

    package var hasRoom: Bool { state.withLock { !$0.isDraining && $0.entries.count < maximumCalls } }

    package func beginDraining() { state.withLock { $0.isDraining = true } }

    package func session(_ call: CallID) -> CallSession? { state.withLock { $0.entries[call]?.session } }

    package func session(carrierCallID: String) -> CallSession? {
        state.withLock { state in
            state.byCarrierCallID[carrierCallID].flatMap { state.entries[$0]?.session }
        }
    }

    /// True from the moment at which a place is taken.
    package func contains(_ call: CallID) -> Bool { state.withLock { $0.entries[call] != nil } }

    package func lane(of call: CallID) -> Int? { state.withLock { $0.entries[call]?.lane } }

    package func call(carrierCallID: String) -> CallID? { state.withLock { $0.byCarrierCallID[carrierCallID] } }

    /// The calls of a lane as they were described last.
    func lastSeen(on lane: Int) -> [CallSnapshot] {
        state.withLock { state in
            state.entries.values.filter { $0.lane == lane && !$0.hasEnded }.compactMap(\.lastSeen)
        }
    }

    func saw(_ calls: [CallSnapshot]) {
        state.withLock { state in
            for call in calls { state.entries[call.id]?.lastSeen = call }
        }
    }

    // MARK: Names and tokens

    /// The carrier knows the call by this name, too.
    func link(_ carrierCallID: String, to call: CallID) {
        state.withLock { state in
            guard let names = state.entries[call]?.carrierNames else { return }
            if !names.contains(carrierCallID) {
                guard names.count < Self.mostCarrierNames else { return }
                state.entries[call]?.carrierNames.append(carrierCallID)
            }
            state.byCarrierCallID[carrierCallID] = call
        }
    }

    /// The call's unspent token, or a new one.
    func token(of call: CallID, at now: MonotonicInstant, else make: () -> String) -> String? {
        state.withLock { state in
            guard let entry = state.entries[call] else { return nil }
            if let token = entry.token {
                if let known = state.tokens[token], known.expires > now { return token }
                state.tokens[token] = nil
            }
            let token = make()
            state.tokens[token] = Token(call: call, expires: now + tokenLifetime)
            state.entries[call]?.token = token
            return token
        }
    }

    /// The call that a token is for. The token is not spent.
    package func seat(token: String, at now: MonotonicInstant) -> Seat? {
        state.withLock { state in
            guard let known = state.tokens[token], known.expires > now, let entry = state.entries[known.call] else {
                return nil
            }
            return Seat(call: known.call, lane: entry.lane, isNew: false)
        }
    }

    func spend(_ token: String) {
        state.withLock { state in
            guard let known = state.tokens.removeValue(forKey: token) else { return }
            state.entries[known.call]?.token = nil
        }
    }

    // MARK: Load

    /// The lane is at work.
    func ticked(_ lane: Int, at now: MonotonicInstant) {
        ticks[lane].nanoseconds.store(now.nanoseconds, ordering: .relaxed)
    }

    /// Reports how much audio waits on a lane. Called once a second.
    func waiting(on lane: Int, uplinkMilliseconds: Int, backlogMilliseconds: Int) {
        state.withLock { state in
            state.lanes[lane].uplinkMilliseconds = uplinkMilliseconds
            state.lanes[lane].backlogMilliseconds = backlogMilliseconds
            instruments.waiting(
                uplinkMilliseconds: state.lanes.reduce(0) { $0 + $1.uplinkMilliseconds },
                backlogMilliseconds: state.lanes.reduce(0) { $0 + $1.backlogMilliseconds }
            )
        }
    }

    /// Reports the load of a lane in the last second.
    package func load(of lane: Int, lag: Duration, busy: Double) {
        state.withLock { $0.lanes[lane].lag = lag }
        laneInstruments[lane].load(lag: lag, busy: busy)
    }
}

extension CallManager {
    /// The time within which a media socket must bring the token that it was given.
    package static let streamTokenLifetime = Duration.seconds(60)
}
