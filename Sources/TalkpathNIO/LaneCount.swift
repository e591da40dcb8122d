import NIOCore

#if os(Linux)
import CLinux
#endif

/// The number of lanes that suits the machine, and the most that there may be.
public enum LaneCount {
    /// One for each processor that the process may use, less one from four on, which is left to everything else.
    ///
    /// The affinity of the process counts, and on Linux the quota and the set of processors of its control group.
    public static var standard: Int {
        let processors = max(1, min(System.coreCount, allowed ?? .max))
        return processors < 4 ? processors : processors - 1
    }

    /// The most lanes that can be asked for.
    public static let most = 256

    private static var allowed: Int? {
        #if os(Linux)
        // A bit for each of 1024 processors.
        var set = [UInt64](repeating: 0, count: 16)
        guard linux_getaffinity(0, set.count * MemoryLayout<UInt64>.size, &set) == 0 else { return nil }
        return set.reduce(0) { $0 + $1.nonzeroBitCount }
        #else
        return nil
        #endif
    }
}
