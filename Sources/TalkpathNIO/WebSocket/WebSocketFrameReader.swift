/// A peer's breach of the protocol or of a limit: the code and reason for our close frame.
package struct WebSocketFailure: Error, Equatable, Sendable {
    package var code: UInt16
    package var reason: String

    init(_ code: UInt16, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    static func protocolError(_ reason: String) -> Self { .init(WebSocketCloseCode.protocolError, reason) }
}

/// The receiver of a `WebSocketFrameReader`'s output. The spans are valid only during the call.
protocol WebSocketFrameSink {
    /// Asked before each frame; `false` leaves the rest of the input unread.
    var acceptsFrames: Bool { get }

    /// The header of a message's frame is complete.
    func beganFrame()

    func receivedMessage(_ message: RawSpan, isText: Bool)
    func receivedPing(_ payload: RawSpan)
    func receivedPong(_ payload: RawSpan)
    func receivedClose(code: UInt16, reason: String)
}

/// Turns the bytes of one direction of a WebSocket into messages (RFC 6455 §5), sans-IO.
///
/// It reads a stream and keeps no raw input. It keeps only the bytes of an incomplete header, and a message's unmasked
/// payload when that is not in one piece of the input. It checks everything as early as possible: reserved bits and
/// opcodes at the header, sizes before the payload, UTF-8 at the first wrong byte.
///
/// In steady state it does not allocate, because it keeps the message buffer up to 64 KiB.
struct WebSocketFrameReader: ~Copyable {
    /// The most bytes of message buffer that stay allocated between messages.
    private static let keptCapacity = 64 << 10

    private let expectsMask: Bool
    private let maximumMessageBytes: Int

    // The header that is being collected. The longest one has 2 + 8 + 4 bytes.
    private var header = InlineArray<14, UInt8>(repeating: 0)
    private var headerCount = 0
    private var headerLength = 2

    // The frame whose payload is being read; valid while `isInPayload`.
    private var isInPayload = false
    private var opcode = WebSocketOpcode.continuation
    private var isFinal = false
    private var frameLength = 0
    private var frameRead = 0
    private var mask: UInt32 = 0

    // The message that is being joined from fragments; `nil` between messages.
    private var messageIsText: Bool?
    private var validator = UTF8Validator()
    private var message = GrowingBytes()
    private var control = GrowingBytes()

    init(role: WebSocketRole, maximumMessageBytes: Int) {
        self.expectsMask = role == .server
        self.maximumMessageBytes = maximumMessageBytes
    }

    /// Reads `input` until its end, a failure, or a sink that accepts no more frames. Do not use the reader after a
    /// failure.
    mutating func read(_ input: UnsafeRawBufferPointer, into sink: some WebSocketFrameSink) -> WebSocketFailure? {
        do throws(WebSocketFailure) {
            var offset = 0
            while sink.acceptsFrames {
                if !isInPayload {
                    guard try readHeader(input, &offset) else { return nil }
                    if !opcode.isControl {
                        sink.beganFrame()
                        guard sink.acceptsFrames else { return nil }
                    }
                }
                let available = min(frameLength - frameRead, input.count - offset)
                let piece = UnsafeRawBufferPointer(rebasing: input[offset..<offset + available])
                offset += available
                guard try readPayload(piece, into: sink) else { return nil }
            }
            return nil
        } catch {
            return error
        }
    }

    // MARK: Header

    /// Returns true when the header is complete and valid.
    private mutating func readHeader(
        _ input: UnsafeRawBufferPointer,
        _ offset: inout Int
    ) throws(WebSocketFailure) -> Bool {
        while headerCount < headerLength {
            guard offset < input.count else { return false }
            header[headerCount] = input[offset]
            headerCount += 1
            offset += 1
            if headerCount == 2 { try checkFirstTwoBytes() }
        }
        try beginPayload()
        return true
    }

    private mutating func checkFirstTwoBytes() throws(WebSocketFailure) {
        let first = header[0]
        let second = header[1]
        guard first & 0x70 == 0 else { throw .protocolError("reserved bits set") }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { throw .protocolError("reserved opcode") }
        self.opcode = opcode
        isFinal = first & 0x80 != 0
        let shortLength = second & 0x7F
        let isMasked = second & 0x80 != 0
        guard isMasked == expectsMask else {
            throw .protocolError(expectsMask ? "frame not masked" : "frame masked")
        }
        switch opcode {
        case .close, .ping, .pong:
            guard isFinal else { throw .protocolError("fragmented control frame") }
            guard shortLength <= 125 else { throw .protocolError("control frame too long") }
        case .continuation:
            guard messageIsText != nil else { throw .protocolError("continuation frame without a first frame") }
        case .text, .binary:
            guard messageIsText == nil else { throw .protocolError("message within a fragmented message") }
        }
        headerLength = 2 + (shortLength == 126 ? 2 : shortLength == 127 ? 8 : 0) + (isMasked ? 4 : 0)
    }

    private mutating func beginPayload() throws(WebSocketFailure) {
        let shortLength = header[1] & 0x7F
        var length = UInt64(shortLength)
        var index = 2
        if shortLength >= 126 {
            length = 0
            let end = shortLength == 126 ? 4 : 10
            while index < end {
                length = length << 8 | UInt64(header[index])
                index += 1
            }
        }
        guard length >> 63 == 0 else { throw .protocolError("length with its highest bit set") }
        if !opcode.isControl {
            guard length <= UInt64(maximumMessageBytes - message.count) else {
                throw .init(WebSocketCloseCode.messageTooBig, "message longer than \(maximumMessageBytes) bytes")
            }
            if opcode != .continuation {
                messageIsText = opcode == .text
                validator = UTF8Validator()
            }
        }
        if expectsMask {
            // In memory order on every machine.
            mask =
                UInt32(header[index]) | UInt32(header[index + 1]) << 8 | UInt32(header[index + 2]) << 16
                | UInt32(header[index + 3]) << 24
            mask = mask.littleEndian
        }
        frameLength = Int(length)
        frameRead = 0
        isInPayload = true
        headerCount = 0
        headerLength = 2
    }

    // MARK: Payload

    /// Returns true when the frame is complete.
    private mutating func readPayload(
        _ piece: UnsafeRawBufferPointer,
        into sink: some WebSocketFrameSink
    ) throws(WebSocketFailure) -> Bool {
        if opcode.isControl {
            Self.append(piece, to: &control, mask: expectsMask ? mask : nil, phase: frameRead)
        } else if !expectsMask, isFinal, message.count == 0, piece.count == frameLength {
            // The input holds the whole message unchanged, so no copy is needed.
            isInPayload = false
            try deliverMessage(piece, newBytes: piece, into: sink)
            return true
        } else {
            let before = message.count
            Self.append(piece, to: &message, mask: expectsMask ? mask : nil, phase: frameRead)
            if messageIsText == true, !isFinal || frameRead + piece.count < frameLength {
                try validate(UnsafeRawBufferPointer(rebasing: message.bytes[before...]))
            } else if isFinal, frameRead + piece.count == frameLength {
                isInPayload = false
                try deliverMessage(
                    message.bytes,
                    newBytes: UnsafeRawBufferPointer(rebasing: message.bytes[before...]),
                    into: sink
                )
                message.removeAll(keeping: Self.keptCapacity)
                return true
            }
        }
        frameRead += piece.count
        guard frameRead == frameLength else { return false }
        isInPayload = false
        if opcode.isControl { try deliverControl(into: sink) }
        return true
    }

    private static func append(
        _ piece: UnsafeRawBufferPointer,
        to buffer: inout GrowingBytes,
        mask: UInt32?,
        phase: Int
    ) {
        let target = buffer.extend(by: piece.count)
        if let mask {
            copyMasked(from: piece, to: target, key: mask, phase: phase)
        } else if let base = piece.baseAddress {
            target.copyMemory(from: base, byteCount: piece.count)
        }
    }

    private mutating func validate(_ bytes: UnsafeRawBufferPointer) throws(WebSocketFailure) {
        guard validator.accept(bytes) else {
            throw .init(WebSocketCloseCode.invalidPayload, "text is not UTF-8")
        }
    }

    private mutating func deliverMessage(
        _ bytes: UnsafeRawBufferPointer,
        newBytes: UnsafeRawBufferPointer,
        into sink: some WebSocketFrameSink
    ) throws(WebSocketFailure) {
        let isText = messageIsText ?? false
        if isText {
            try validate(newBytes)
            guard validator.isComplete else {
                throw .init(WebSocketCloseCode.invalidPayload, "text ends within a character")
            }
        }
        messageIsText = nil
        // The memory outlives the call: it is the input or the message buffer, and nothing changes it meanwhile.
        sink.receivedMessage(RawSpan(_unsafeBytes: bytes), isText: isText)
    }

    private mutating func deliverControl(into sink: some WebSocketFrameSink) throws(WebSocketFailure) {
        let bytes = control.bytes
        switch opcode {
        case .ping: sink.receivedPing(RawSpan(_unsafeBytes: bytes))
        case .pong: sink.receivedPong(RawSpan(_unsafeBytes: bytes))
        case .close:
            let (code, reason) = try Self.closePayload(bytes)
            sink.receivedClose(code: code, reason: reason)
        case .continuation, .text, .binary: preconditionFailure("a data frame taken for a control frame")
        }
        control.removeAll(keeping: 125)
    }

    private static func closePayload(_ bytes: UnsafeRawBufferPointer) throws(WebSocketFailure) -> (UInt16, String) {
        guard bytes.count > 0 else { return (WebSocketCloseCode.noStatus, "") }
        guard bytes.count >= 2 else { throw .protocolError("close frame of one byte") }
        let code = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
        guard WebSocketCloseCode.maySend(code) else { throw .protocolError("close code not allowed") }
        let text = UnsafeRawBufferPointer(rebasing: bytes[2...])
        var validator = UTF8Validator()
        guard validator.accept(text), validator.isComplete else {
            throw .init(WebSocketCloseCode.invalidPayload, "close reason is not UTF-8")
        }
        return (code, String(decoding: text, as: UTF8.self))
    }
}

/// A contiguous byte buffer that grows at its end and keeps its memory.
private struct GrowingBytes: ~Copyable {
    private var storage: UnsafeMutableRawPointer?
    private var capacity = 0
    private(set) var count = 0

    init() {}

    deinit { storage?.deallocate() }

    /// Valid until the next `extend` or `removeAll`.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: storage, count: count) }

    /// Makes room for `amount` bytes; the caller fills them right away.
    mutating func extend(by amount: Int) -> UnsafeMutableRawPointer {
        if storage == nil || count + amount > capacity { grow(to: count + amount) }
        defer { count += amount }
        return storage! + count
    }

    private mutating func grow(to needed: Int) {
        // Grows by doubling with the bytes that arrived, not by the announced length: a peer must send bytes to use our
        // memory.
        let newCapacity = max(needed, capacity * 2, 256)
        let grown = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
        if let storage {
            grown.copyMemory(from: storage, byteCount: count)
            storage.deallocate()
        }
        storage = grown
        capacity = newCapacity
    }

    mutating func removeAll(keeping kept: Int) {
        count = 0
        if capacity > max(kept, 256) {
            storage?.deallocate()
            storage = nil
            capacity = 0
        }
    }
}
