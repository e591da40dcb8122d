package import NIOCore

extension ByteBuffer {
    /// Appends one whole frame: header, mask and payload. Allocates only when the buffer has to grow.
    ///
    /// - Parameter mask: the four key bytes in memory order; `nil` for a server's frame.
    package mutating func writeWebSocketFrame(
        _ opcode: WebSocketOpcode,
        _ payload: UnsafeRawBufferPointer,
        mask: UInt32?
    ) {
        let count = payload.count
        writeWithUnsafeMutableBytes(minimumWritableBytes: 14 + count) { target in
            target[0] = 0x80 | opcode.rawValue
            let maskBit: UInt8 = mask == nil ? 0 : 0x80
            var length = 2
            switch count {
            case ...125:
                target[1] = maskBit | UInt8(count)
            case ...0xFFFF:
                target[1] = maskBit | 126
                target.storeBytes(of: UInt16(count).bigEndian, toByteOffset: 2, as: UInt16.self)
                length = 4
            default:
                target[1] = maskBit | 127
                target.storeBytes(of: UInt64(count).bigEndian, toByteOffset: 2, as: UInt64.self)
                length = 10
            }
            if let mask {
                target.storeBytes(of: mask, toByteOffset: length, as: UInt32.self)
                length += 4
            }
            let body = UnsafeMutableRawBufferPointer(rebasing: target[length...])
            if let mask {
                copyMasked(from: payload, to: body.baseAddress!, key: mask, phase: 0)
            } else {
                body.copyMemory(from: payload)
            }
            return length + count
        }
    }
}
