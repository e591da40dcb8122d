import Synchronization
import TalkpathAudio
import TalkpathCore

/// Limits of a tenant: calls placed per second, simultaneous calls, and minutes of talk a day.
///
/// All three are checked in one step, so that simultaneous requests cannot exceed them together. A call that begins
/// reserves its whole time limit from the day's minutes, and returns the time that it did not talk. So the minutes
/// cannot be exceeded, however many calls there are. Thread-safe.
final class CallCaps: CallEventSink {
    struct Limits: Sendable {
        /// On average; bursts may have twice as many.
        var placedPerSecond: Int
        /// `nil` for no limit.
        var atOnce: Int?
        var minutesPerDay: Int?
    }

    enum Refusal: Error, Equatable {
        /// Carries the seconds until the tenant may place another call.
        case tooOften(seconds: Int)
        case tooMany
        /// Carries the seconds until the next day of UTC.
        case minutesUsed(seconds: Int)
    }

    private struct Tenant {
        var tokens: Double
        var filledAt: MonotonicInstant
        var calls = 0
        var reservedMilliseconds = 0
        /// The talking time of the latest days seen, by days since 1970. There are several, because a clock may be set
        /// forward by mistake and then back: the minutes of the earlier day must not be lost.
        private var used: [(day: Int64, milliseconds: Int)] = []

        private static let daysKept = 8

        init(tokens: Double, filledAt: MonotonicInstant) {
            self.tokens = tokens
            self.filledAt = filledAt
        }

        func used(on day: Int64) -> Int { used.first { $0.day == day }?.milliseconds ?? 0 }

        mutating func use(_ milliseconds: Int, on day: Int64) {
            let before = used(on: day)
            used.removeAll { $0.day == day }
            used.append((day, before + milliseconds))
            if used.count > Self.daysKept { used.removeFirst() }
        }
    }

    private struct Call {
        var tenant: String
        var reservedMilliseconds: Int
    }

    private struct State {
        var tenants: [String: Tenant] = [:]
        var calls: [CallID: Call] = [:]
    }

    private let limits: Limits
    private let state = Mutex(State())

    /// In milliseconds. A call is refused if less time is left, unless it asked for less.
    private static let shortestCall = 60_000
    private static let day: Int64 = 86_400_000

    init(_ limits: Limits) {
        self.limits = limits
    }

    /// Admits a call.
    ///
    /// - Parameters:
    ///   - isPlaced: true if the tenant placed the call. Inbound calls do not count towards the calls per second.
    ///   - duration: the time limit that the call asks for.
    /// - Returns: the time limit that the call gets.
    func admit(
        _ id: CallID,
        tenant name: String,
        isPlaced: Bool,
        for duration: Duration,
        at now: MonotonicInstant,
        wallTime: WallTime
    ) throws(Refusal) -> Duration {
        try state.withLock { state throws(Refusal) in
            var tenant = state.tenants[name] ?? Tenant(tokens: capacity, filledAt: now)
            defer { state.tenants[name] = tenant }
            refill(&tenant, at: now)
            if let most = limits.atOnce, tenant.calls >= most { throw .tooMany }
            let granted = try grant(duration.wholeMilliseconds, &tenant, wallTime)
            if isPlaced { try take(&tenant) }
            tenant.calls += 1
            tenant.reservedMilliseconds += granted
            state.calls[id] = Call(tenant: name, reservedMilliseconds: granted)
            return .milliseconds(granted)
        }
    }

    /// Returns the reservation of a call that did not begin.
    func release(_ id: CallID) {
        settle(id, milliseconds: 0, at: nil)
    }

    func publish(_ event: CallEvent) {
        if case .ended(let receipt) = event.kind {
            settle(event.callID, milliseconds: receipt.talking.wholeMilliseconds, at: receipt.endedAt)
        }
    }

    /// The beginning of the day of UTC to which a time's minutes belong.
    static func beginningOfDay(_ time: WallTime) -> WallTime {
        WallTime(milliseconds: time.milliseconds - time.milliseconds % day)
    }

    /// Adds the talking time of calls before this process.
    func charge(_ tenant: String, _ talking: Duration, at wallTime: WallTime, now: MonotonicInstant) {
        state.withLock { state in
            var entry = state.tenants[tenant] ?? Tenant(tokens: capacity, filledAt: now)
            entry.use(talking.wholeMilliseconds, on: Self.day(of: wallTime))
            state.tenants[tenant] = entry
        }
    }

    /// - Parameter ended: the call's end. The call counts for that day, also after a restart. `nil` if it did not
    ///   begin.
    private func settle(_ id: CallID, milliseconds: Int, at ended: WallTime?) {
        state.withLock { state in
            guard let call = state.calls.removeValue(forKey: id), var tenant = state.tenants[call.tenant] else {
                return
            }
            tenant.calls -= 1
            tenant.reservedMilliseconds -= call.reservedMilliseconds
            if let ended { tenant.use(milliseconds, on: Self.day(of: ended)) }
            state.tenants[call.tenant] = tenant
        }
    }

    // MARK: Limits

    private var capacity: Double { Double(limits.placedPerSecond) * 2 }

    private func refill(_ tenant: inout Tenant, at now: MonotonicInstant) {
        let seconds = now.milliseconds(since: tenant.filledAt) / 1000
        tenant.tokens = min(capacity, tenant.tokens + seconds * Double(limits.placedPerSecond))
        tenant.filledAt = now
    }

    private func take(_ tenant: inout Tenant) throws(Refusal) {
        guard tenant.tokens >= 1 else {
            throw .tooOften(seconds: Int(((1 - tenant.tokens) / Double(limits.placedPerSecond)).rounded(.up)))
        }
        tenant.tokens -= 1
    }

    private func grant(_ wanted: Int, _ tenant: inout Tenant, _ wallTime: WallTime) throws(Refusal) -> Int {
        guard let minutes = limits.minutesPerDay else { return wanted }
        let left = minutes * 60_000 - tenant.used(on: Self.day(of: wallTime)) - tenant.reservedMilliseconds
        guard left >= min(wanted, Self.shortestCall) else {
            throw .minutesUsed(seconds: Int((Self.day - wallTime.milliseconds % Self.day + 999) / 1000))
        }
        return min(wanted, left)
    }

    private static func day(of time: WallTime) -> Int64 { time.milliseconds / day }
}
