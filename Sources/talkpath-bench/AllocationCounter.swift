#if os(Linux)
import Foundation

/// Counts the memory allocations of this process, if a counting library is loaded, as by `Scripts/bench-allocations`.
enum AllocationCounter {
    private static let counted: (@convention(c) () -> UInt64)? = {
        // Without a handle, `dlsym` searches the whole process.
        guard let symbol = dlsym(nil, "talkpath_allocation_count") else { return nil }
        // The counter's header declares this type.
        return unsafeBitCast(symbol, to: (@convention(c) () -> UInt64).self)
    }()

    /// Allocations of all threads since the process began; `nil` without a counting library.
    static var now: UInt64? { counted?() }
}
#endif
