/// The next part of a capture file, composed record by record. Its memory grows to the largest part so far and is
/// reused, by one call after the other. For one thread.
package struct CaptureBlock: ~Copyable {
    private var memory: UnsafeMutableRawBufferPointer
    package private(set) var count = 0

    /// The initial size in bytes: about the records of one call in a fifth of a second.
    private static let usual = 64 << 10

    package init() {
        memory = .allocate(byteCount: Self.usual, alignment: 16)
    }

    deinit {
        memory.deallocate()
    }

    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
    }

    package mutating func removeAll() { count = 0 }

    package mutating func append(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { bytes in
            append(atMost: bytes.count) { pen in
                pen.put(bytes)
                return true
            }
        }
    }

    /// - Parameter body: writes up to `room` bytes. They are added unless `body` returns false.
    @discardableResult
    mutating func append(atMost room: Int, _ body: (inout Pen) -> Bool) -> Bool {
        makeRoom(room)
        // Safety: `room` bytes are free from `count` on, and no other code writes there; the pen stays within them.
        var pen = Pen(memory.baseAddress! + count)
        let begin = pen.place
        guard body(&pen) else { return false }
        let written = pen.place - begin
        precondition(written <= room, "\(written) bytes in room for \(room)")
        count += written
        return true
    }

    private mutating func makeRoom(_ room: Int) {
        guard count + room > memory.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(2 * memory.count, count + room),
            alignment: 16
        )
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        memory.deallocate()
        memory = larger
    }

    /// Writes numbers and bytes one after the other, into memory whose size the caller guarantees.
    struct Pen {
        private(set) var place: UnsafeMutableRawPointer

        init(_ place: UnsafeMutableRawPointer) {
            self.place = place
        }

        mutating func put(_ byte: UInt8) {
            place.storeBytes(of: byte, as: UInt8.self)
            place += 1
        }

        mutating func put(varint value: UInt64) {
            var rest = value
            while rest > 0x7F {
                put(UInt8(truncatingIfNeeded: rest) | 0x80)
                rest >>= 7
            }
            put(UInt8(truncatingIfNeeded: rest))
        }

        mutating func put(littleEndian value: UInt32) {
            place.storeBytes(of: value.littleEndian, as: UInt32.self)
            place += 4
        }

        mutating func put(_ bytes: UnsafeRawBufferPointer) {
            guard let base = bytes.baseAddress else { return }
            place.copyMemory(from: base, byteCount: bytes.count)
            place += bytes.count
        }

        /// Skips `count` bytes and returns them for the caller to write.
        mutating func skip(_ count: Int) -> UnsafeMutableBufferPointer<UInt8> {
            defer { place += count }
            return UnsafeMutableBufferPointer(start: place.assumingMemoryBound(to: UInt8.self), count: count)
        }
    }
}

extension UInt64 {
    /// The number of bytes of this number as a varint, seven bits in each.
    var varintCount: Int { Swift.max(1, (Self.bitWidth - leadingZeroBitCount + 6) / 7) }
}

extension Int64 {
    /// The zigzag code of this number: small for small numbers of either sign.
    var zigzag: UInt64 { UInt64(bitPattern: (self << 1) ^ (self >> 63)) }
}
