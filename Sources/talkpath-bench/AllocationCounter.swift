#if os(Linux)
import Foundation

/// How often this process has allocated memory, where somebody counts: `Scripts/bench-allocations` does.
enum AllocationCounter {
    private static let counted: (@convention(c) () -> UInt64)? = {
        // Without a handle: wherever in the process it stands.
        guard let symbol = dlsym(nil, "talkpath_allocation_count") else { return nil }
        // Of this type by the counter's header.
        return unsafeBitCast(symbol, to: (@convention(c) () -> UInt64).self)
    }()

    /// Allocations of all threads since the process began; nil where nobody counts.
    static var now: UInt64? { counted?() }
}
#endif
