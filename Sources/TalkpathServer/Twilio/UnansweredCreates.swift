import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// Creates whose answer was lost: tells which of the account's calls is theirs.
///
/// The carrier gives a call no mark of ours to look for. It is known by its numbers, by the time at which it was made,
/// and because no other create can own it. If a doubt remains, no call is taken.
final class UnansweredCreates: Sendable {
    private struct Pair: Hashable {
        var from: String
        var to: String
    }

    private struct State {
        /// Creates without an answer so far.
        var open: [Pair: Int] = [:]
        /// Pairs of numbers with more than one open create at the same time.
        var mixed: Set<Pair> = []
    }

    private let state = Mutex(State())
    private let isTaken: Mutex<(@Sendable (String) async -> Bool)?> = Mutex(nil)

    /// The carrier's clock tells whole seconds.
    static let tolerance = Duration.seconds(2)

    /// Tells by their carrier's names which calls are known here.
    func know(_ isTaken: @escaping @Sendable (String) async -> Bool) { self.isTaken.withLock { $0 = isTaken } }

    /// Tells whether calls can be told apart: what is known here is known.
    var isReady: Bool { isTaken.withLock { $0 != nil } }

    func begin(_ request: PlaceCallRequest) {
        state.withLock { state in
            let pair = Pair(from: request.from, to: request.to)
            state.open[pair, default: 0] += 1
            if state.open[pair] != 1 { state.mixed.insert(pair) }
        }
    }

    func finish(_ request: PlaceCallRequest) {
        state.withLock { state in
            let pair = Pair(from: request.from, to: request.to)
            state.open[pair, default: 1] -= 1
            guard state.open[pair] == 0 else { return }
            state.open[pair] = nil
            state.mixed.remove(pair)
        }
    }

    /// - Parameters:
    ///   - calls: the newest calls between the create's two numbers.
    ///   - now: the carrier's own time when it listed them.
    ///   - age: since the create was sent.
    /// - Returns: the create's call.
    func call(
        of request: PlaceCallRequest,
        among calls: [TwilioCallResource],
        at now: WallTime,
        age: Duration
    ) async -> String? {
        let isMixed = state.withLock { $0.mixed.contains(Pair(from: request.from, to: request.to)) }
        guard !isMixed, let isTaken = isTaken.withLock({ $0 }) else { return nil }
        let earliest = now.milliseconds - Int64((age + Self.tolerance).wholeMilliseconds)
        var found: [String] = []
        for call in calls where call.direction == .outboundAPI {
            guard let created = call.dateCreated.flatMap(Self.time), created.milliseconds >= earliest else { continue }
            if await !isTaken(call.sid) { found.append(call.sid) }
        }
        return found.count == 1 ? found[0] : nil
    }

    private static func time(_ text: String) -> WallTime? {
        text.hasSuffix(" +0000") ? WallTime(httpDate: String(text.dropLast(5)) + "GMT") : nil
    }
}
