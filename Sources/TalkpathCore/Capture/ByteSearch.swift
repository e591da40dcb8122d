#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Searches bytes with the C library's functions, which compare many at a time: captures search every message, and most
/// messages are audio.
enum ByteSearch {
    /// The first index of `byte` at or after `start`; `nil` if there is none.
    static func first(_ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        let start = max(0, start)
        guard start < bytes.count, let base = bytes.baseAddress,
            // Safety: reads below `count`.
            let found = memchr(base + start, Int32(byte), bytes.count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// The first index of `sought` at or after `start`; `nil` if there is none, or if `sought` is empty.
    static func first(_ sought: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
        guard let first = sought.first else { return nil }
        var from = start
        while let index = Self.first(first, in: bytes, from: from), index + sought.count <= bytes.count {
            // Safety: `sought.count` bytes are left from `index` on.
            if memcmp(bytes.baseAddress! + index, sought.baseAddress!, sought.count) == 0 { return index }
            from = index + 1
        }
        return nil
    }
}
