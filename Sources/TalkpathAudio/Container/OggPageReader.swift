/// Extracts the pages and packets of the first stream in an Ogg file, and skips the pages of other streams.
struct OggPageReader {
    struct Page {
        var flags: OggPage.Flags
        /// The packets on this page, whole or in part.
        var packets: [ArraySlice<UInt8>]
        /// True if the last of them continues on the next page.
        var isOpen: Bool
    }

    private let bytes: [UInt8]
    private var position = 0
    private var serialNumber: UInt32?
    private var waiting: [ArraySlice<UInt8>] = []
    private var begun: [UInt8]?
    /// Pages of this stream read so far.
    private(set) var sequence = 0
    private(set) var sawLast = false
    /// The granule position of the last page on which a packet ended.
    private(set) var granulePosition: Int64 = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var startsWithAPage: Bool { bytes.starts(with: OggPage.capturePattern) }

    /// The next whole page; `nil` at the end of the file, or where it was cut off.
    mutating func next() throws(OggOpusError) -> Page? {
        while !sawLast, bytes.count - position >= OggPage.headerBytes {
            let header = bytes[position..<position + OggPage.headerBytes]
            guard header.starts(with: OggPage.capturePattern), header[position + 4] == 0 else {
                throw .damagedPage(sequence)
            }
            let tableEnd = position + OggPage.headerBytes + Int(header[position + 26])
            guard tableEnd <= bytes.count else { return nil }
            let table = bytes[position + OggPage.headerBytes..<tableEnd]
            let end = tableEnd + table.reduce(0) { $0 + Int($1) }
            guard end <= bytes.count else { return nil }
            let page = bytes[position..<end]
            position = end
            guard isUndamaged(page) else { throw .damagedPage(sequence) }
            let serial = header.littleEndian(at: 14, as: UInt32.self)
            guard serial == serialNumber ?? serial else { continue }
            serialNumber = serial
            guard header.littleEndian(at: 18, as: UInt32.self) == UInt32(truncatingIfNeeded: sequence) else {
                throw .damagedPage(sequence)
            }
            sequence += 1
            return split(header, table, body: bytes[tableEnd..<end])
        }
        return nil
    }

    /// The next whole packet; `nil` at the end. Leaves out a packet whose end is missing.
    mutating func nextPacket() throws(OggOpusError) -> [UInt8]? {
        while waiting.isEmpty {
            guard let page = try next() else { return nil }
            var packets = page.packets[...]
            if page.flags.contains(.isContinued), let part = packets.popFirst(), let start = begun {
                begun = start + part
                // This is not the packet's last part if no packet ended on this page.
                if !packets.isEmpty || !page.isOpen { return take(packets, isOpen: page.isOpen) }
                continue
            }
            begun = nil
            waiting += packets
            if page.isOpen { begun = waiting.popLast().map { Array($0) } }
        }
        return Array(waiting.removeFirst())
    }

    /// Returns the assembled packet, and keeps the ones after it.
    private mutating func take(_ packets: ArraySlice<ArraySlice<UInt8>>, isOpen: Bool) -> [UInt8]? {
        let whole = begun
        begun = nil
        waiting += packets
        if isOpen { begun = waiting.popLast().map { Array($0) } }
        return whole
    }

    private func isUndamaged(_ page: ArraySlice<UInt8>) -> Bool {
        let stored = page.littleEndian(at: 22, as: UInt32.self)
        let sum = OggPage.checkSum(
            page.prefix(22) + [0, 0, 0, 0] + page.dropFirst(26)
        )
        return sum == stored
    }

    private mutating func split(_ header: ArraySlice<UInt8>, _ table: ArraySlice<UInt8>, body: ArraySlice<UInt8>)
        -> Page
    {
        let flags = OggPage.Flags(rawValue: header.littleEndian(at: 5, as: UInt8.self))
        let granule = Int64(bitPattern: header.littleEndian(at: 6, as: UInt64.self))
        if granule >= 0 { granulePosition = granule }
        if flags.contains(.isLast) { sawLast = true }
        var packets: [ArraySlice<UInt8>] = []
        var start = body.startIndex
        var end = start
        for length in table {
            end += Int(length)
            if length < 255 {
                packets.append(body[start..<end])
                start = end
            }
        }
        let isOpen = table.last == 255
        if isOpen { packets.append(body[start..<end]) }
        return Page(flags: flags, packets: packets, isOpen: isOpen)
    }
}
