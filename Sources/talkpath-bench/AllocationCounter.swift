#if os(Linux)
import Foundation

/// The number of memory allocations of this process, where they are counted, as by `Scripts/bench-allocations`.
enum AllocationCounter {
    private static let counted: (@convention(c) () -> UInt64)? = {
        // Without a handle: wherever in the process it stands.
        guard let symbol = dlsym(nil, "talkpath_allocation_count") else { return nil }
        // The counter's header gives it this type.
        return unsafeBitCast(symbol, to: (@convention(c) () -> UInt64).self)
    }()

    /// Allocations of all threads since the process began; nil where nobody counts.
    static var now: UInt64? { counted?() }
}
#endif
