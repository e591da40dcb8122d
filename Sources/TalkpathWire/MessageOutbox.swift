/// The messages that wait to be written to one socket, one after the other in a contiguous buffer.
///
/// A codec writes into it, and the owner of the socket drains it once per wake. It allocates nothing as long as a
/// wake's messages fit into its buffer. The buffer shrinks again: at once after a very large burst, and after many
/// drains that used a small part of it. So an idle call keeps only the initial capacity.
///
/// Not safe for use from two threads at once; it may be passed from one thread to another.
///
/// ```swift
/// codec.writeMedia(frame, to: &outbox)
/// outbox.drain { message in socket.write(message) }
/// ```
public struct MessageOutbox: ~Copyable, @unchecked Sendable {
    // Sendable although it holds a pointer: only this noncopyable value has access to the memory, which is freed with
    // it.
    private var base: UnsafeMutablePointer<UInt8>
    private let initialCapacity: Int
    private var capacity: Int
    /// The bytes in use: for each message its length and then its bytes.
    private var used = 0
    /// The place of the length of the message that is being written; -1 if there is none.
    private var opening = -1
    private var sparingDrains = 0

    /// The number of finished messages.
    public private(set) var count = 0

    /// A larger buffer is freed as soon as it has been drained.
    private static let burstCapacity = 256 * 1024
    /// The number of drains in a row, each using less than a quarter, after which the buffer is halved.
    private static let drainsBeforeShrinking = 256
    private static let headerSize = MemoryLayout<Int>.size
    /// The bit of a message's length that marks it as binary. No message is that long.
    private static let binaryFlag = 1 << 62

    /// - Parameter capacity: the initial size in bytes, to which the buffer returns.
    public init(capacity: Int = 4096) {
        initialCapacity = max(capacity, 256)
        self.capacity = initialCapacity
        base = .allocate(capacity: initialCapacity)
    }

    deinit {
        base.deallocate()
    }

    public var isEmpty: Bool { count == 0 }

    /// The bytes of all finished messages.
    public var byteCount: Int {
        (opening >= 0 ? opening : used) - count * Self.headerSize
    }

    // MARK: Reading

    /// Passes every finished message to `body`, oldest first, and then removes them. Keeps an unfinished message.
    ///
    /// The span is valid only during the call of `body`.
    public mutating func drain(_ body: (RawSpan) -> Void) {
        drainMessages { message, _ in body(message) }
    }

    /// Does the same, and tells of each message whether it is a binary one.
    public mutating func drainMessages(_ body: (RawSpan, _ isBinary: Bool) -> Void) {
        peekMessages(body)
        forget(opening >= 0 ? opening : used)
    }

    /// Passes every finished message to `body`, oldest first, and keeps them.
    ///
    /// The span is valid only during the call of `body`.
    public func peek(_ body: (RawSpan) -> Void) {
        peekMessages { message, _ in body(message) }
    }

    /// Does the same, and tells of each message whether it is a binary one.
    public func peekMessages(_ body: (RawSpan, _ isBinary: Bool) -> Void) {
        let end = opening >= 0 ? opening : used
        var offset = 0
        while offset < end {
            let header = UnsafeRawPointer(base + offset).loadUnaligned(as: Int.self)
            let length = header & ~Self.binaryFlag
            offset += Self.headerSize
            body(UnsafeRawBufferPointer(start: base + offset, count: length).bytes, header & Self.binaryFlag != 0)
            offset += length
        }
    }

    /// Removes every finished message unread.
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

    /// Begins a message. End or abandon it before the next one begins.
    public mutating func beginMessage() {
        precondition(opening < 0, "a message was begun within another")
        opening = used
        reserve(Self.headerSize)
        used += Self.headerSize
    }

    /// - Parameter isBinary: sends it as a binary message; otherwise it must be UTF-8.
    public mutating func endMessage(isBinary: Bool = false) {
        precondition(opening >= 0, "a message was ended that had not been begun")
        let length = used - opening - Self.headerSize
        let header = isBinary ? length | Self.binaryFlag : length
        UnsafeMutableRawPointer(base + opening).storeBytes(of: header, as: Int.self)
        opening = -1
        count += 1
    }

    /// Removes the message that is being written.
    public mutating func abandonMessage() {
        precondition(opening >= 0, "a message was abandoned that had not been begun")
        used = opening
        opening = -1
    }

    public mutating func append(_ text: StaticString) {
        // A static string may be a single scalar without storage; ours never are, but the type allows it.
        text.withUTF8Buffer { append(bytes: $0) }
    }

    /// Appends bytes unchanged.
    public mutating func append(ascii bytes: RawSpan) {
        bytes.withUnsafeBytes { append(bytes: $0.assumingMemoryBound(to: UInt8.self)) }
    }

    public mutating func append(decimal value: Int) {
        // The longest text is that of Int.min: nineteen digits and the sign.
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

    /// Encodes the bytes as Base64 (standard alphabet, padded) directly into the buffer.
    public mutating func append(base64 bytes: RawSpan) {
        let length = Base64.encodedCount(ofBytes: bytes.byteCount)
        reserve(length)
        let target = base + used
        bytes.withUnsafeBytes { Base64.encode($0, into: target) }
        used += length
    }

    /// Appends the text as a JSON string: escaped and in quotes.
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
        precondition(opening >= 0, "a message must be begun before anything is written")
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
    /// The size of the allocated memory in bytes.
    package var allocatedBytes: Int { capacity }
}
