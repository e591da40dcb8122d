#if os(Linux)
import CLinux

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// One WebSocket of the fleet, as a client or as a server. Its socket never blocks. It supports the parts of RFC 6455
/// that two ends with whole messages need.
///
/// Messages are read in place. Outgoing messages go into one buffer, which `flush` passes to the kernel in one piece.
/// No message causes an allocation.
final class LoadSocket {
    enum Role { case client, server }

    enum State {
        case handshaking, open, closed
    }

    let descriptor: Int32
    let role: Role
    private(set) var state = State.handshaking
    /// The reason for which the socket is closed.
    private(set) var ending = ""
    /// True if bytes wait until the kernel has room for them.
    private(set) var isBlocked = false

    private var input: UnsafeMutablePointer<UInt8>
    private var inputCapacity = 16 << 10
    private var inputStart = 0
    private var inputEnd = 0
    private var output: UnsafeMutablePointer<UInt8>
    private var outputCapacity = 4 << 10
    private var outputCount = 0
    private var maskState: UInt32

    /// A peer that leaves this many bytes unread has stopped reading.
    private static let mostWaiting = 1 << 20

    init(_ descriptor: Int32, role: Role) {
        self.descriptor = descriptor
        self.role = role
        maskState = UInt32(truncatingIfNeeded: descriptor) &* 0x9E37_79B9 | 1
        input = .allocate(capacity: inputCapacity)
        output = .allocate(capacity: outputCapacity)
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    deinit {
        if state != .closed { close(descriptor) }
        input.deallocate()
        output.deallocate()
    }

    // MARK: Reading

    /// Reads the available bytes, once.
    func fill() {
        guard state != .closed else { return }
        if inputStart == inputEnd {
            inputStart = 0
            inputEnd = 0
        }
        if inputCapacity - inputEnd < 4096 { makeInputRoom() }
        let count = recv(descriptor, input + inputEnd, inputCapacity - inputEnd, 0)
        if count > 0 {
            inputEnd += count
        } else if count == 0 {
            end("the peer closed the connection")
        } else if errno != EAGAIN, errno != EINTR {
            end("the connection broke (\(errorText()))")
        }
    }

    private func makeInputRoom() {
        let count = inputEnd - inputStart
        if inputStart > 0 {
            input.update(from: input + inputStart, count: count)
            (inputStart, inputEnd) = (0, count)
        }
        guard inputCapacity - inputEnd < 4096 else { return }
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: inputCapacity * 2)
        larger.update(from: input, count: inputEnd)
        input.deallocate()
        input = larger
        inputCapacity *= 2
    }

    /// Returns the head of the HTTP message that opens the socket, once it is complete.
    func takeHead() -> String? {
        let text = UnsafeBufferPointer(start: input + inputStart, count: inputEnd - inputStart)
        guard let end = find("\r\n\r\n", in: UnsafeRawBufferPointer(text)) else { return nil }
        inputStart += end + 4
        return String(decoding: text[..<end], as: UTF8.self)
    }

    func becomeOpen() { state = .open }

    /// Returns the next text or binary message, unmasked. Answers pings; a close frame ends the socket.
    ///
    /// The bytes are valid until the next call.
    func nextMessage() -> UnsafeRawBufferPointer? {
        while state == .open, let (opcode, payload) = nextFrame() {
            switch opcode {
            case 0x1, 0x2: return UnsafeRawBufferPointer(payload)
            case 0x8: end("the peer said goodbye (\(Self.closeCode(payload)))")
            case 0x9: write(UnsafeRawBufferPointer(payload), opcode: 0xA)
            case 0xA: break
            default: end("the peer sent a frame of a kind that is not expected here (\(opcode))")
            }
        }
        return nil
    }

    private static func closeCode(_ payload: UnsafeMutableRawBufferPointer) -> Int {
        payload.count < 2 ? 1005 : Int(payload[0]) << 8 | Int(payload[1])
    }

    private func nextFrame() -> (opcode: UInt8, payload: UnsafeMutableRawBufferPointer)? {
        let available = inputEnd - inputStart
        let bytes = input + inputStart
        guard available >= 2 else { return nil }
        guard bytes[0] & 0x80 != 0 else {
            end("the peer sent a message in fragments")
            return nil
        }
        var length = Int(bytes[1] & 0x7F)
        var header = 2
        if length >= 126 {
            header = length == 126 ? 4 : 10
            guard available >= header else { return nil }
            length = (2..<header).reduce(0) { $0 << 8 | Int(bytes[$1]) }
        }
        let isMasked = bytes[1] & 0x80 != 0
        let start = header + (isMasked ? 4 : 0)
        guard available >= start + length else { return nil }
        let payload = UnsafeMutableRawBufferPointer(start: bytes + start, count: length)
        if isMasked {
            let key = UnsafeRawPointer(bytes + header).loadUnaligned(as: UInt32.self)
            Self.mask(payload.baseAddress!, count: length, key: key)
        }
        inputStart += start + length
        return (bytes[0] & 0x0F, payload)
    }

    private static func mask(_ bytes: UnsafeMutableRawPointer, count: Int, key: UInt32) {
        let wide = UInt64(key) << 32 | UInt64(key)
        var index = 0
        while index + 8 <= count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ wide
            bytes.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        withUnsafeBytes(of: key) { key in
            while index < count {
                bytes.storeBytes(
                    of: bytes.load(fromByteOffset: index, as: UInt8.self) ^ key[index & 3],
                    toByteOffset: index,
                    as: UInt8.self
                )
                index += 1
            }
        }
    }

    // MARK: Writing

    /// Writes bytes without framing, before the socket is open.
    func write(raw text: String) {
        var text = text
        text.withUTF8 { bytes in
            (reserve(bytes.count)).update(from: bytes.baseAddress!, count: bytes.count)
            outputCount += bytes.count
        }
    }

    func write(_ text: String) {
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0), opcode: 0x1) }
    }

    private func write(_ payload: UnsafeRawBufferPointer, opcode: UInt8) {
        write(mostBytes: payload.count, opcode: opcode) { target in
            if let base = payload.baseAddress { target.copyMemory(from: base, byteCount: payload.count) }
            return payload.count
        }
    }

    /// Writes one message. `body` writes its bytes in place and returns their number.
    func write(mostBytes: Int, opcode: UInt8 = 0x1, _ body: (UnsafeMutableRawPointer) -> Int) {
        guard state == .open else { return }
        let isClient = role == .client
        let frame = UnsafeMutableRawPointer(reserve(mostBytes + 14))
        // Leave room for the longer of the two usual headers; a short message is moved.
        let header = 4 + (isClient ? 4 : 0)
        let count = body(frame + header)
        frame.storeBytes(of: 0x80 | opcode, as: UInt8.self)
        let maskBit: UInt8 = isClient ? 0x80 : 0
        var start = header
        if count <= 125 {
            start -= 2
            (frame + start).copyMemory(from: frame + header, byteCount: count)
            frame.storeBytes(of: maskBit | UInt8(count), toByteOffset: 1, as: UInt8.self)
        } else {
            precondition(count <= 0xFFFF, "the fleet writes no message this long")
            frame.storeBytes(of: maskBit | 126, toByteOffset: 1, as: UInt8.self)
            frame.storeBytes(of: UInt16(count).bigEndian, toByteOffset: 2, as: UInt16.self)
        }
        if isClient {
            maskState = maskState &* 1_664_525 &+ 1_013_904_223
            frame.storeBytes(of: maskState, toByteOffset: start - 4, as: UInt32.self)
            Self.mask(frame + start, count: count, key: maskState)
        }
        outputCount += start + count
    }

    private func reserve(_ count: Int) -> UnsafeMutablePointer<UInt8> {
        if outputCapacity - outputCount < count {
            let capacity = max(outputCapacity * 2, outputCount + count)
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
            larger.update(from: output, count: outputCount)
            output.deallocate()
            output = larger
            outputCapacity = capacity
        }
        return output + outputCount
    }

    /// Passes the written bytes to the kernel. Bytes that it does not take stay in the buffer.
    func flush() {
        guard outputCount > 0, state != .closed else { return }
        let count = send(descriptor, output, outputCount, Int32(MSG_NOSIGNAL))
        if count == outputCount {
            outputCount = 0
            isBlocked = false
        } else if count >= 0 || errno == EAGAIN {
            let taken = max(0, count)
            output.update(from: output + taken, count: outputCount - taken)
            outputCount -= taken
            isBlocked = true
            if outputCount > Self.mostWaiting { end("the peer does not read") }
        } else {
            end("the connection broke (\(errorText()))")
        }
    }

    func sayGoodbye() {
        let code: [UInt8] = [0x03, 0xE8]
        code.withUnsafeBytes { write($0, opcode: 0x8) }
        flush()
    }

    func end(_ reason: String) {
        guard state != .closed else { return }
        state = .closed
        ending = reason
        close(descriptor)
    }
}

/// Returns the first place of these bytes, or `nil`.
@inline(__always)
func find(_ needle: StaticString, in text: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
    guard let base = text.baseAddress, start <= text.count,
        let found = linux_memmem(base + start, text.count - start, needle.utf8Start, needle.utf8CodeUnitCount)
    else { return nil }
    return UnsafeRawPointer(found) - base
}

/// Returns the bytes between this text and the next quotation mark.
@inline(__always)
func quoted(after needle: StaticString, in text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
    guard let place = find(needle, in: text), let base = text.baseAddress else { return nil }
    let start = place + needle.utf8CodeUnitCount
    guard let end = memchr(base + start, Int32(UInt8(ascii: "\"")), text.count - start) else { return nil }
    return UnsafeRawBufferPointer(start: base + start, count: UnsafeRawPointer(end) - (base + start))
}
#endif
