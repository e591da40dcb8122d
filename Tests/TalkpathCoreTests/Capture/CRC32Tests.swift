import TalkpathAudio
import Testing

@testable import TalkpathCore

@Suite struct CRC32Tests {
    /// Bit by bit, as in the definition.
    private static func reference(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }

    @Test(arguments: InstructionSet.available)
    func `the checksum equals the definition's for every length`(_ instructions: InstructionSet) {
        #expect(Self.reference(Array("123456789".utf8)) == 0xCBF4_3926)
        var generator = SystemRandomNumberGenerator()
        for count in Array(0...300) + [1023, 1024, 1025, 4099] {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let found = bytes.withUnsafeBytes { CRC32.of($0, instructions: instructions) }
            #expect(found == Self.reference(bytes), "\(count) bytes")
        }
    }
}
