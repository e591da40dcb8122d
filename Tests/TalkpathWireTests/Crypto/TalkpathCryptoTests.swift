import TalkpathWire
import Testing

@Suite("Digests, codes and random tokens")
struct TalkpathCryptoTests {
    /// FIPS 180-4 example values.
    @Test func `SHA-256 equals the standard's examples`() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(TalkpathCrypto.hexadecimal(TalkpathCrypto.sha256([])) == empty)
        #expect(TalkpathCrypto.hexadecimal(TalkpathCrypto.sha256(Array("abc".utf8))) == abc)
    }

    /// RFC 2202 (SHA-1) and RFC 4231 (SHA-256), test cases 1, 2 and one with a key longer than a block.
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0b, count: 20), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
    ])
    func `HMAC equals the RFCs' examples`(key: [UInt8], message: String, sha1: String, sha256: String) {
        let message = Array(message.utf8)
        #expect(TalkpathCrypto.hexadecimal(TalkpathCrypto.hmacSHA1(key: key, message: message)) == sha1)
        #expect(TalkpathCrypto.hexadecimal(TalkpathCrypto.hmacSHA256(key: key, message: message)) == sha256)
    }

    @Test func `HMAC accepts a key longer than a block`() {
        let message = Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)
        #expect(
            TalkpathCrypto.hexadecimal(
                TalkpathCrypto.hmacSHA1(key: [UInt8](repeating: 0xaa, count: 80), message: message)
            ) == "aa4ae5e15272d00e95705637ce8a3b55ed402112"
        )
        #expect(
            TalkpathCrypto.hexadecimal(
                TalkpathCrypto.hmacSHA256(key: [UInt8](repeating: 0xaa, count: 131), message: message)
            ) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        )
    }

    @Test func `HMAC accepts an empty key and an empty message`() {
        let code = "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"
        #expect(TalkpathCrypto.hexadecimal(TalkpathCrypto.hmacSHA1(key: [], message: [])) == code)
    }

    @Test func `the comparison covers every byte and the length`() {
        let secret = SecureRandom.bytes(33)
        #expect(TalkpathCrypto.areEqual(secret, secret))
        #expect(TalkpathCrypto.areEqual([UInt8](), []))
        #expect(!TalkpathCrypto.areEqual(secret, Array(secret.dropLast())))
        for index in secret.indices {
            var other = secret
            other[index] ^= 1
            #expect(!TalkpathCrypto.areEqual(secret, other))
        }
    }

    @Test func `texts that are only canonically equivalent differ`() {
        #expect("\u{e9}" == "e\u{301}")
        #expect(!TalkpathCrypto.areEqual("\u{e9}", "e\u{301}"))
    }

    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func `Base64 equals the examples of RFC 4648`(text: String, encoded: String) {
        #expect(TalkpathCrypto.base64(Array(text.utf8)) == encoded)
    }

    @Test func `tokens are URL-safe and never repeat`() {
        let tokens = (0..<500).map { _ in SecureRandom.token() }
        #expect(Set(tokens).count == tokens.count)
        let characters = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        #expect(tokens.allSatisfy { $0.utf8.count == 43 && $0.allSatisfy(characters.contains) })
        // 21,500 characters of 64 kinds: every kind occurs, unless the alphabet is incomplete.
        #expect(Set(tokens.joined()) == characters)
        #expect(SecureRandom.bytes(0) == [])
        #expect(SecureRandom.bytes(1000).count == 1000)
    }
}
