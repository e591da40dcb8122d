import CoreMetrics
import Logging
import TalkpathStore

/// Reports the store's condition to the log and the metrics: once when it changes, not for every request.
struct StoreWatch: Sendable {
    private let logger: Logger
    private let failing: Gauge
    private let unreadable: Counter

    init(factory: any MetricsFactory, logger: Logger) {
        self.logger = logger
        failing = Gauge(label: "talkpath_store_failing", factory: factory)
        unreadable = Counter(label: "talkpath_store_unreadable_total", factory: factory)
        failing.record(0)
    }

    /// May be called from any thread; returns at once.
    func tell(_ news: StoreNews) {
        switch news {
        case .failing(let error):
            failing.record(1)
            logger.error(
                "The store cannot write: the server is not ready, and places no calls until it can",
                metadata: ["code": "\(error.code.rawValue)", "reason": "\(error.message)"]
            )
        case .recovered:
            failing.record(0)
            logger.notice("The store writes again")
        case .behind(let waiting):
            logger.error(
                "The store is behind with its writes: the server is not ready, and takes no calls until it has caught up",
                metadata: ["waiting": "\(waiting)"]
            )
        case .caughtUp:
            logger.notice("The store has caught up with its writes")
        case .spoolFailed:
            logger.error(
                "The spool in the data folder takes no more records: they wait in memory, and a restart loses them"
            )
        case .repaired(let repair):
            logger.error(
                "The store was damaged, and was repaired when it was opened",
                metadata: [
                    "fault": "\(repair.fault)", "rows": "\(repair.rows)",
                    "damaged_file": "\(repair.damagedFile ?? "mended in place")",
                ]
            )
        case .unreadable(let part, let id, let reason):
            unreadable.increment()
            logger.error(
                "Something in the store cannot be read; it is left out where it is asked for",
                metadata: ["part": "\(part)", "id": "\(id)", "reason": "\(reason)"]
            )
        }
    }
}
