import Testing

@testable import TalkpathWire

struct Base64Tests {
    private func encoded(_ bytes: [UInt8]) -> String {
        var target = [UInt8](repeating: 0, count: Base64.encodedCount(ofBytes: bytes.count))
        var span = target.mutableSpan
        let written = Base64.encode(bytes.span.bytes, into: &span)
        return String(decoding: target[0..<written], as: UTF8.self)
    }

    private func decoded(_ text: String, room: Int? = nil) throws -> [UInt8] {
        let characters = Array(text.utf8)
        var target = [UInt8](repeating: 0xEE, count: room ?? Base64.decodedCount(of: characters.span.bytes))
        var span = target.mutableSpan
        let written = try Base64.decode(characters.span.bytes, into: &span)
        return Array(target[0..<written])
    }

    /// A bitwise reference after section 4 of RFC 4648.
    private func reference(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        while bits.count % 6 != 0 { bits.append(0) }
        var text = stride(from: 0, to: bits.count, by: 6).map { start in
            alphabet[bits[start..<(start + 6)].reduce(0) { $0 * 2 + Int($1) }]
        }
        while text.count % 4 != 0 { text.append("=") }
        return String(text)
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `vectors of RFC 4648 are encoded and decoded`(plain: String, text: String) throws {
        #expect(encoded(Array(plain.utf8)) == text)
        #expect(try decoded(text) == Array(plain.utf8))
    }

    @Test func `every length up to 200 agrees with the reference and decodes again`() throws {
        var generator = SeededGenerator(seed: 1)
        for length in 0...200 {
            let bytes = generator.bytes(length)
            let text = encoded(bytes)
            #expect(text == reference(bytes))
            #expect(try decoded(text) == bytes)
            #expect(try decoded(text.filter { $0 != "=" }) == bytes)
        }
    }

    @Test func `URL-safe text is read like standard text`() throws {
        let bytes: [UInt8] = [0xFB, 0xEF, 0xBE, 0xFF, 0xFF, 0xFF, 0xFB, 0xEF, 0xBE]
        #expect(encoded(bytes) == "++++////++++")
        #expect(try decoded("----____----") == bytes)
        #expect(try decoded("++--//__-+-+") == bytes)
    }

    @Test(arguments: [
        "A", "AAAAA", "A===", "AA=", "AAA==", "AAAA=", "AAAA==", "AAAA====", "=", "==", "====", "AA=A", "=AAA",
        "AA==AAAA", "AAAA AAAA", "AAAA\nAAAA", "AAA\u{0}", "AAA.", "ÄAA", "AAAAAAA*", "*AAAAAAA", "AAAAAAAAAAA*",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,",
    ])
    func `text that is not Base64 is refused`(text: String) {
        #expect(throws: WireError(.malformedBase64)) { try decoded(text, room: 64) }
    }

    @Test(arguments: ["Zh==", "Zm9=", "Zh", "Zm9", "AB==", "AAB="])
    func `stray bits behind the last byte are refused`(text: String) {
        #expect(throws: WireError(.malformedBase64)) { try decoded(text, room: 64) }
    }

    @Test func `each byte outside the alphabets is refused at each place`() {
        let legal = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_".utf8)
        for place in 0..<22 {
            for byte in UInt8.min...UInt8.max where !legal.contains(byte) {
                var text = Array("AAAAAAAAAAAAAAAAAAAAAA".utf8)
                text[place] = byte
                var target = [UInt8](repeating: 0, count: 32)
                var span = target.mutableSpan
                let written = try? Base64.decode(text.span.bytes, into: &span)
                #expect(written == nil, "byte \(byte) at \(place)")
            }
        }
    }

    @Test func `a buffer that is too small is an error and no byte behind it is written`() throws {
        #expect(throws: WireError(.malformedBase64)) { try decoded("AAAAAAAA", room: 5) }
        for length in 1...40 {
            let text = encoded([UInt8](repeating: 1, count: length))
            let characters = Array(text.utf8)
            var target = [UInt8](repeating: 0xEE, count: length + 8)
            var span = target.mutableSpan
            #expect(try Base64.decode(characters.span.bytes, into: &span) == length)
            #expect(target[length...].allSatisfy { $0 == 0xEE })
        }
    }

    @Test func `a payload is decoded in place and after a copy`() throws {
        let message = Array("....Zm9v....".utf8)
        for payload in [WirePayload.inPlace(4..<8), .unescaped(Array("Zm9v".utf8))] {
            #expect(payload.decodedCount(in: message.span.bytes) == 3)
            var target = [UInt8](repeating: 0, count: 3)
            var span = target.mutableSpan
            #expect(try payload.decode(from: message.span.bytes, into: &span) == 3)
            #expect(target == Array("foo".utf8))
        }
    }
}
