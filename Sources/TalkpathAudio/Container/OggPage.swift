/// A page of an Ogg stream (RFC 3533): the unit of writing, with a sequence number and a checksum.
struct OggPage {
    struct Flags: OptionSet {
        let rawValue: UInt8
        /// The page continues a packet that began on the page before.
        static let isContinued = Flags(rawValue: 1)
        static let isFirst = Flags(rawValue: 2)
        static let isLast = Flags(rawValue: 4)
    }

    static let capturePattern = Array("OggS".utf8)
    static let headerBytes = 27
    /// The most segments of a page. A packet is cut into segments of 255 bytes and a shorter last one.
    static let maximumSegments = 255

    var flags: Flags = []
    /// The codec's time stamp at the end of the last packet that ends on this page; −1 if none ends here. Opus counts
    /// samples at 48 kHz.
    var granulePosition: Int64
    var serialNumber: UInt32
    var sequenceNumber: UInt32
    var segments: [UInt8] = []
    var body: [UInt8] = []

    static func segmentCount(ofPacket bytes: Int) -> Int { bytes / 255 + 1 }

    /// Adds a whole packet; the caller has checked that its segments fit.
    mutating func append(_ packet: some Collection<UInt8>) {
        segments += [UInt8](repeating: 255, count: packet.count / 255)
        segments.append(UInt8(packet.count % 255))
        body += packet
    }

    func encoded() -> [UInt8] {
        var bytes = Self.capturePattern + [0, flags.rawValue]
        bytes.reserveCapacity(Self.headerBytes + segments.count + body.count)
        bytes.append(littleEndian: UInt64(bitPattern: granulePosition))
        bytes.append(littleEndian: serialNumber)
        bytes.append(littleEndian: sequenceNumber)
        bytes.append(littleEndian: UInt32(0))
        bytes.append(UInt8(segments.count))
        bytes += segments
        bytes += body
        var sum: [UInt8] = []
        sum.append(littleEndian: Self.checkSum(bytes))
        bytes.replaceSubrange(22..<26, with: sum)
        return bytes
    }

    /// Ogg's CRC-32: polynomial 04C11DB7, most significant bit first, initial value zero, not inverted.
    static func checkSum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(0) { sum, byte in sum << 8 ^ checkSums[Int(UInt8(truncatingIfNeeded: sum >> 24) ^ byte)] }
    }

    private static let checkSums: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte) << 24) { sum, _ in sum << 1 ^ (sum >> 31 == 0 ? 0 : 0x04C1_1DB7) }
    }
}

extension [UInt8] {
    mutating func append(littleEndian value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}

extension ArraySlice<UInt8> {
    /// The unsigned integer at `offset` bytes from the front; the caller has checked that its bytes exist.
    func littleEndian<Value: FixedWidthInteger & UnsignedInteger>(at offset: Int, as type: Value.Type) -> Value {
        (0..<Value.bitWidth / 8).reduce(0) { $0 | Value(self[startIndex + offset + $1]) << (8 * $1) }
    }
}
