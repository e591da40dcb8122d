import FoundationEssentials
import Glibc
import TalkpathHTTP

/// The system's figures of this process, under Prometheus' names, read from `/proc` (Linux) for each request. Also the
/// figures of the log, which belongs to the process.
enum ProcessMetrics {
    static func text(_ connections: ConnectionBudget.Metrics) -> String {
        var text = ""
        func write(_ name: String, _ kind: String, _ help: String, _ value: Double?) {
            guard let value else { return }
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n\(name) \(PrometheusText.number(value))\n"
        }
        write("process_cpu_seconds_total", "counter", "User and system time spent, in seconds.", cpuSeconds())
        write("process_resident_memory_bytes", "gauge", "Resident memory.", residentBytes())
        write("process_open_fds", "gauge", "Open file descriptors.", openDescriptors())
        write("process_max_fds", "gauge", "Limit of open file descriptors.", maximumDescriptors())
        write("talkpath_connections_open", "gauge", "Connections at the port.", Double(connections.open))
        write(
            "talkpath_connections_displaced_total",
            "counter",
            "Connections without a request that were closed to make room for others.",
            Double(connections.displaced)
        )
        write(
            "talkpath_connections_refused_total",
            "counter",
            "Connections that were refused because the limit was reached and all were busy.",
            Double(connections.refused)
        )
        write(
            "talkpath_log_lines_dropped_total",
            "counter",
            "Log lines that were dropped because the log was not read fast enough.",
            Double(LogWriter.standardError.dropped)
        )
        return text
    }

    private static func cpuSeconds() -> Double? {
        var usage = rusage()
        guard getrusage(.init(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// The second field of `statm`, in pages.
    private static func residentBytes() -> Double? {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Double(fields[1]) else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func openDescriptors() -> Double? {
        // The listing itself holds one descriptor.
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map { Double($0.count - 1) }
    }

    private static func maximumDescriptors() -> Double? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }
}
