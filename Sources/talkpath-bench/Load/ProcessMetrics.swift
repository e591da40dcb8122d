#if os(Linux)
import Foundation
import TalkpathSimulators

/// The kernel's figures of a process: its work, its memory and its descriptors.
struct ProcessMetrics {
    /// The processor time of all its threads, in nanoseconds.
    var work: Int64
    /// The time of the reading on the monotonic clock, in nanoseconds.
    var instant: Int64
    var residentBytes: Int
    var descriptors: Int

    /// - Returns: `nil` if there is no such process, or if it belongs to another user.
    static func read(_ process: Int32) -> ProcessMetrics? {
        let folder = "/proc/\(process)"
        guard let work = work(of: folder), let memory = text("\(folder)/statm"),
            let pages = memory.split(separator: " ").dropFirst().first.flatMap({ Int($0) }),
            let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/fd").count
        else { return nil }
        return ProcessMetrics(
            work: work,
            instant: LoadClock.now,
            residentBytes: pages * Int(sysconf(Int32(_SC_PAGESIZE))),
            descriptors: descriptors
        )
    }

    /// Exact to the nanosecond if the kernel keeps such accounts, otherwise to its clock tick of 10 ms.
    private static func work(of folder: String) -> Int64? {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/task")) ?? []
        let exact = threads.compactMap { thread in
            text("\(folder)/task/\(thread)/schedstat")?.split(separator: " ").first.flatMap { Int64($0) }
        }
        if exact.count == threads.count, exact.contains(where: { $0 > 0 }) { return exact.reduce(0, +) }
        // User and system time are the twelfth and thirteenth field after the name in parentheses.
        guard let line = text("\(folder)/stat"), let name = line.lastIndex(of: ")") else { return nil }
        let fields = line[line.index(after: name)...].split(separator: " ")
        guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else { return nil }
        return (user + system) * (1_000_000_000 / Int64(sysconf(Int32(_SC_CLK_TCK))))
    }

    private static func text(_ path: String) -> String? {
        (try? Data(contentsOf: URL(fileURLWithPath: path))).map { String(decoding: $0, as: UTF8.self) }
    }
}
#endif
