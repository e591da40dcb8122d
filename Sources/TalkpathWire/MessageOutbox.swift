/// Messages waiting to be written to one socket: one contiguous buffer, message after message.
///
/// A codec writes into it, whoever owns the socket drains it once a wake. Nothing is allocated as long as a wake's
/// messages fit into what the buffer has grown to. It shrinks again: at once after a giant burst, and after many
/// drains that used a small part of it, so that an idle call holds no more than the capacity it began with.
///
/// Not safe for use from two threads at once; it may be handed from one to another.
///
/// ```swift
/// codec.writeMedia(frame, to: &outbox)
/// outbox.drain { message in socket.write(message) }
/// ```
public struct MessageOutbox: ~Copyable, @unchecked Sendable {
    // Sendable although it holds a pointer: the memory is reached through this noncopyable value alone, and freed
    // with it.
    private var base: UnsafeMutablePointer<UInt8>
    private let initialCapacity: Int
    private var capacity: Int
    /// Bytes in use: per message its length and then its bytes.
    private var used = 0
    /// Where the length of the message being written will stand; -1 when none is.
    private var opening = -1
    private var sparingDrains = 0

    /// Finished messages.
    public private(set) var count = 0

    /// A buffer beyond this is given back as soon as it has been drained.
    private static let burstCapacity = 256 * 1024
    /// This many drains in a row that used less than a quarter halve the buffer.
    private static let drainsBeforeShrinking = 256
    private static let headerSize = MemoryLayout<Int>.size

    /// - Parameter capacity: bytes to begin with, and the size the buffer returns to.
    public init(capacity: Int = 4096) {
        initialCapacity = max(capacity, 256)
        self.capacity = initialCapacity
        base = .allocate(capacity: initialCapacity)
    }

    deinit {
        base.deallocate()
    }

    public var isEmpty: Bool { count == 0 }

    /// Bytes of all finished messages.
    public var byteCount: Int {
        (opening >= 0 ? opening : used) - count * Self.headerSize
    }

    // MARK: Reading

    /// Hands over every finished message, oldest first, and then forgets them. A message not ended is kept.
    ///
    /// The span is valid within the call of `body` only.
    public mutating func drain(_ body: (RawSpan) -> Void) {
        peek(body)
        forget(opening >= 0 ? opening : used)
    }

    /// Shows every finished message, oldest first, and keeps them.
    ///
    /// The span is valid within the call of `body` only.
    public func peek(_ body: (RawSpan) -> Void) {
        let end = opening >= 0 ? opening : used
        var offset = 0
        while offset < end {
            let length = UnsafeRawPointer(base + offset).loadUnaligned(as: Int.self)
            offset += Self.headerSize
            body(UnsafeRawBufferPointer(start: base + offset, count: length).bytes)
            offset += length
        }
    }

    /// Forgets every finished message unread.
    public mutating func removeAll() {
        forget(opening >= 0 ? opening : used)
    }

    private mutating func forget(_ end: Int) {
        if end < used {
            base.update(from: base + end, count: used - end)
            opening = 0
        }
        used -= end
        count = 0
        shrinkIfSparing(highest: end)
    }

    private mutating func shrinkIfSparing(highest: Int) {
        guard capacity > initialCapacity else { return }
        if capacity > Self.burstCapacity, used <= initialCapacity {
            resize(to: initialCapacity)
            return
        }
        sparingDrains = highest < capacity / 4 ? sparingDrains + 1 : 0
        if sparingDrains == Self.drainsBeforeShrinking, used <= capacity / 2 {
            resize(to: max(initialCapacity, capacity / 2))
        }
    }

    // MARK: Writing

    /// Begins a message. Every message begun must be ended or abandoned before the next one begins.
    public mutating func beginMessage() {
        precondition(opening < 0, "a message was begun within another")
        opening = used
        reserve(Self.headerSize)
        used += Self.headerSize
    }

    public mutating func endMessage() {
        precondition(opening >= 0, "a message was ended that had not been begun")
        let length = used - opening - Self.headerSize
        UnsafeMutableRawPointer(base + opening).storeBytes(of: length, as: Int.self)
        opening = -1
        count += 1
    }

    /// Takes back the message being written.
    public mutating func abandonMessage() {
        precondition(opening >= 0, "a message was abandoned that had not been begun")
        used = opening
        opening = -1
    }

    public mutating func append(_ text: StaticString) {
        // A static string may be a single scalar without storage; ours never are, but the type allows it.
        text.withUTF8Buffer { append(bytes: $0) }
    }

    /// Bytes as they are.
    public mutating func append(ascii bytes: RawSpan) {
        bytes.withUnsafeBytes { append(bytes: $0.assumingMemoryBound(to: UInt8.self)) }
    }

    public mutating func append(decimal value: Int) {
        // The longest is Int.min: nineteen digits and the sign.
        reserve(20)
        var rest = value.magnitude
        var digits = 1
        var bound: UInt = 10
        while rest >= bound, digits < 19 {
            digits += 1
            bound *= 10
        }
        if value < 0 {
            base[used] = UInt8(ascii: "-")
            used += 1
        }
        var position = used + digits
        used = position
        for _ in 0..<digits {
            position -= 1
            base[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// The bytes as base64 (standard alphabet, padded), encoded straight into the buffer.
    public mutating func append(base64 bytes: RawSpan) {
        let length = Base64.encodedCount(ofBytes: bytes.byteCount)
        reserve(length)
        let target = base + used
        bytes.withUnsafeBytes { Base64.encode($0, into: target) }
        used += length
    }

    /// The text as a JSON string: escaped and in quotes.
    public mutating func append(jsonString text: String) {
        let length = JSONStringWriter.length(of: text)
        reserve(length)
        used += JSONStringWriter.write(text, into: base + used)
    }

    public mutating func append(json value: JSONValue) {
        append(ascii: value.serialized().span.bytes)
    }

    private mutating func append(bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress else { return }
        reserve(bytes.count)
        (base + used).update(from: source, count: bytes.count)
        used += bytes.count
    }

    // MARK: Memory

    @inline(__always)
    private mutating func reserve(_ additional: Int) {
        precondition(opening >= 0, "nothing is written outside of a message")
        if additional > capacity - used { grow(by: additional) }
    }

    private mutating func grow(by additional: Int) {
        resize(to: max(capacity * 2, used + additional))
    }

    private mutating func resize(to newCapacity: Int) {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: newCapacity)
        memory.update(from: base, count: used)
        base.deallocate()
        base = memory
        capacity = newCapacity
        sparingDrains = 0
    }
}

extension MessageOutbox {
    /// Bytes of memory held, in use or not.
    package var allocatedBytes: Int { capacity }
}
