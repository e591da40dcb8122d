import CoreMetrics
import Synchronization

/// A backend of swift-metrics that keeps values and shows them in Prometheus' text format, version 0.0.4.
///
/// Creating a metric takes a lock; updating it takes none.
final class PrometheusRegistry: Sendable {
    /// The metrics of one name.
    private struct Family {
        var kind: Kind
        var members: [(labels: String, metric: any PrometheusMetric)] = []
    }

    enum Kind: String {
        case counter, gauge, histogram
    }

    private let families = Mutex<[String: Family]>([:])
    private let help: [String: String]

    /// - Parameter help: the description of each metric, by name.
    init(help: [String: String] = [:]) {
        self.help = help
    }

    /// Returns all metrics, sorted by name.
    func text() -> String {
        let families = self.families.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            if let help = help[name] { text += "# HELP \(name) \(help)\n" }
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for member in family.members.sorted(by: { $0.labels < $1.labels }) {
                member.metric.write(name: name, labels: member.labels, to: &text)
            }
        }
        return text
    }

    /// Returns the metric of this name and these dimensions. Creates it if it does not exist.
    private func metric<Metric: PrometheusMetric>(
        _ label: String,
        _ dimensions: [(String, String)],
        _ make: () -> Metric
    ) -> Metric {
        let labels = PrometheusText.labels(dimensions)
        return families.withLock { families in
            let name = PrometheusText.name(label)
            var family = families[name] ?? Family(kind: Metric.kind)
            if let known = family.members.first(where: { $0.labels == labels })?.metric as? Metric { return known }
            let metric = make()
            // The caller of this method used one name for two kinds of metric. The second one is not shown.
            guard family.kind == Metric.kind else { return metric }
            family.members.append((labels, metric))
            families[name] = family
            return metric
        }
    }
}

/// Metrics live as long as the process, so nothing is destroyed.
extension PrometheusRegistry: MetricsFactory {
    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        metric(label, dimensions) { PrometheusCounter() }
    }

    func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        metric(label, dimensions) { PrometheusSum() }
    }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        metric(label, dimensions) { PrometheusGauge() }
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return metric(label, dimensions) { PrometheusGauge() } }
        return metric(label, dimensions) { PrometheusHistogram(bounds: PrometheusHistogram.bounds(of: label)) }
    }

    /// In seconds, as is usual for Prometheus.
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        metric(label, dimensions) { PrometheusHistogram(bounds: PrometheusHistogram.bounds(of: label)) }
    }

    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}
