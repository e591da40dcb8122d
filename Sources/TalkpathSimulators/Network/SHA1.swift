/// SHA-1 (FIPS 180-4) and HMAC (RFC 2104). A second implementation on purpose: the code that checks a simulator's
/// signature must not have made it.
enum SHA1 {
    static func hash(_ message: [UInt8]) -> [UInt8] {
        var blocks = message
        blocks.append(0x80)
        blocks.append(contentsOf: repeatElement(0, count: (119 - message.count % 64) % 64))
        let bits = UInt64(message.count) * 8
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            blocks.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
        var sum: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        for start in stride(from: 0, to: blocks.count, by: 64) { add(blocks[start..<start + 64], to: &sum) }
        return sum.flatMap { word in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
        }
    }

    static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var block = key.count > 64 ? hash(key) : key
        block.append(contentsOf: repeatElement(0, count: 64 - block.count))
        let inner = hash(block.map { $0 ^ 0x36 } + message)
        return hash(block.map { $0 ^ 0x5C } + inner)
    }

    private static func add(_ block: ArraySlice<UInt8>, to sum: inout [UInt32]) {
        func rotate(_ word: UInt32, by count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
        var schedule: [UInt32] = []
        schedule.reserveCapacity(80)
        for start in stride(from: block.startIndex, to: block.endIndex, by: 4) {
            schedule.append(block[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) })
        }
        for t in 16..<80 {
            schedule.append(
                rotate(schedule[t - 3] ^ schedule[t - 8] ^ schedule[t - 14] ^ schedule[t - 16], by: 1)
            )
        }
        var a = sum[0]
        var b = sum[1]
        var c = sum[2]
        var d = sum[3]
        var e = sum[4]
        for t in 0..<80 {
            let mixed: UInt32
            switch t {
            case ..<20: mixed = ((b & c) | (~b & d)) &+ 0x5A82_7999
            case ..<40: mixed = (b ^ c ^ d) &+ 0x6ED9_EBA1
            case ..<60: mixed = ((b & c) | (b & d) | (c & d)) &+ 0x8F1B_BCDC
            default: mixed = (b ^ c ^ d) &+ 0xCA62_C1D6
            }
            let next = rotate(a, by: 5) &+ mixed &+ e &+ schedule[t]
            e = d
            d = c
            c = rotate(b, by: 30)
            b = a
            a = next
        }
        for (place, word) in [a, b, c, d, e].enumerated() { sum[place] = sum[place] &+ word }
    }
}
