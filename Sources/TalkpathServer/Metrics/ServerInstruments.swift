import CoreMetrics
import TalkpathCore

/// The metrics of the server itself, beside those of the calls (`CallInstruments`).
///
/// The counters of the usual refusals are there from the start, so that alerts see the first one; the others are made with
/// their first count.
struct ServerInstruments: Sendable {
    private let factory: any MetricsFactory
    private let unconfirmed: Meter
    private let refused: [Refusal: Counter]

    private struct Refusal: Hashable, Sendable {
        var direction: CallDirection
        var code: Problem.Code
    }

    private static let usual: [Problem.Code] = [
        .tooManyCalls, .tooManyConnections, .storeUnavailable, .rateLimited, .quotaExceeded, .draining,
    ]

    init(factory: any MetricsFactory = NOOPMetricsHandler.instance, maximumCalls: Int = 0) {
        self.factory = factory
        unconfirmed = Meter(label: "talkpath_hang_ups_unconfirmed", factory: factory)
        Meter(label: "talkpath_calls_limit", factory: factory).set(maximumCalls)
        let usual = CallDirection.allCases.flatMap { way in Self.usual.map { Refusal(direction: way, code: $0) } }
        refused = Dictionary(uniqueKeysWithValues: usual.map { ($0, Self.counter($0, factory)) })
    }

    /// Counts a call that the server did not take.
    func refusedCall(_ direction: CallDirection, _ code: Problem.Code) {
        let refusal = Refusal(direction: direction, code: code)
        (refused[refusal] ?? Self.counter(refusal, factory)).increment()
    }

    /// The calls whose end the carrier has not confirmed yet.
    func unconfirmed(hangUps: Int) { unconfirmed.set(hangUps) }

    private static func counter(_ refusal: Refusal, _ factory: any MetricsFactory) -> Counter {
        Counter(
            label: "talkpath_calls_refused_total",
            dimensions: [("direction", refusal.direction.rawValue), ("reason", refusal.code.rawValue)],
            factory: factory
        )
    }
}
