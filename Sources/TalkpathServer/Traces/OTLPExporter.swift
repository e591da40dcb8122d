import CoreMetrics
import Logging
import ServiceLifecycle
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// Sends finished spans to a collector. Calls never wait for it: spans that do not fit or cannot be sent are dropped,
/// counted, and told once until spans are taken again.
struct OTLPExporter: Service {
    let queue: SpanQueue
    let configuration: ServerConfiguration.Traces
    let url: OutboundURL
    let client: OutboundClient
    let logger: Logger
    private let counters: Counters
    /// The time for which finished spans wait for others.
    var beat = Duration.seconds(2)
    /// The pause before a batch is sent again that could not be taken for now.
    var pause = Duration.seconds(2)

    private static let timeout = Duration.seconds(10)
    private static let attempts = 3
    /// The time for the last spans when the server stops.
    private static let goodbye = Duration.seconds(2)

    private struct Counters: Sendable {
        let sent: Counter
        let full: Counter
        let refused: Counter
        let unreachable: Counter

        init(_ factory: any MetricsFactory) {
            func dropped(_ reason: String) -> Counter {
                Counter(label: "talkpath_spans_dropped_total", dimensions: [("reason", reason)], factory: factory)
            }
            sent = Counter(label: "talkpath_spans_sent_total", factory: factory)
            full = dropped("queue_full")
            refused = dropped("refused")
            unreachable = dropped("unreachable")
        }
    }

    private enum Outcome {
        case taken
        case refused(Int)
        case unreachable
    }

    init(
        _ configuration: ServerConfiguration.Traces,
        queue: SpanQueue,
        factory: any MetricsFactory,
        logger: Logger
    ) throws {
        self.queue = queue
        self.configuration = configuration
        self.logger = logger
        let policy = OutboundAddressPolicy(allowsPlain: true, allowsPrivate: true)
        url = try policy.parse(configuration.address)
        client = OutboundClient(url, policy: policy)
        counters = Counters(factory)
    }

    func run() async throws {
        var isFailing = false
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            await queue.bell.wait(orAtShutdown: beat)
            while await send(queue.take(), attempts: Self.attempts, isFailing: &isFailing) {}
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var isFailing = true
                while await send(queue.take(), attempts: 1, isFailing: &isFailing) {}
            }
            group.addTask { try? await Task.sleep(for: Self.goodbye) }
            await group.next()
            group.cancelAll()
        }
        await client.close()
    }

    /// - Returns: true if there may be more to send.
    private func send(_ spans: [SpanRecord], attempts: Int, isFailing: inout Bool) async -> Bool {
        let lost = queue.takeDropped()
        if lost > 0 {
            counters.full.increment(by: lost)
            tell(&isFailing, "Spans are dropped: the collector is slower than the calls", ["spans": "\(lost)"])
        }
        guard !spans.isEmpty, !Task.isCancelled else { return false }
        let body = OTLPMessage.json(spans, service: configuration.service).serialized()
        for attempt in 1...attempts {
            switch await post(body) {
            case .taken:
                counters.sent.increment(by: spans.count)
                if isFailing { logger.notice("The collector takes spans again") }
                isFailing = false
                return true
            case .refused(let status):
                counters.refused.increment(by: spans.count)
                tell(&isFailing, "The collector refuses spans, which are dropped", ["status": "\(status)"])
                return true
            case .unreachable:
                tell(&isFailing, "The collector takes no spans for now; those that do not fit are dropped", [:])
                guard attempt < attempts else { break }
                await sleepUnlessStopping()
            }
        }
        counters.unreachable.increment(by: spans.count)
        return false
    }

    private func post(_ body: [UInt8]) async -> Outcome {
        do {
            let answer = try await client.post(
                body,
                headers: configuration.headers + [(name: "content-type", value: "application/json")],
                timeout: Self.timeout
            )
            switch answer.status {
            case 200..<300: return .taken
            // OTLP's list of those that may be tried again.
            case 429, 502, 503, 504: return .unreachable
            default: return .refused(answer.status)
            }
        } catch {
            return .unreachable
        }
    }

    private func sleepUnlessStopping() async {
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: pause) }
    }

    private func tell(_ isFailing: inout Bool, _ message: Logger.Message, _ metadata: Logger.Metadata) {
        guard !isFailing else { return }
        isFailing = true
        logger.warning(message, metadata: metadata)
    }
}
