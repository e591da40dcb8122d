internal import COpenSSL

/// Digests and message authentication codes by libcrypto, and a constant-time comparison.
///
/// For requests and webhooks, not for the media path: every function allocates its result. All of them are safe on any
/// thread. The name is the project's own, so that it does not clash with swift-crypto.
public enum TalkpathCrypto {
    /// SHA-256 (FIPS 180-4): 32 bytes.
    public static func sha256(_ message: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        SHA256(message, message.count, &digest)
        return digest
    }

    /// HMAC with SHA-1 (RFC 2104): 20 bytes.
    public static func hmacSHA1(key: [UInt8], message: [UInt8]) -> [UInt8] {
        hmac(EVP_sha1(), length: Int(SHA_DIGEST_LENGTH), key: key, message: message)
    }

    /// HMAC with SHA-256 (RFC 2104): 32 bytes.
    public static func hmacSHA256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        hmac(EVP_sha256(), length: Int(SHA256_DIGEST_LENGTH), key: key, message: message)
    }

    /// Compares bytes in a time that depends only on their number.
    ///
    /// For signatures, keys and tokens. Arrays of different lengths are rejected at once, because the length is not
    /// secret.
    public static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return CRYPTO_memcmp(left, right, left.count) == 0
    }

    /// Compares the UTF-8 bytes of two texts: composed and decomposed `é` differ.
    public static func areEqual(_ left: String, _ right: String) -> Bool {
        areEqual(Array(left.utf8), Array(right.utf8))
    }

    /// Lower-case hexadecimal digits.
    public static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Standard base64 with padding.
    public static func base64(_ bytes: [UInt8]) -> String {
        var text = [UInt8](repeating: 0, count: Base64.encodedCount(ofBytes: bytes.count))
        var target = text.mutableSpan
        Base64.encode(bytes.span.bytes, into: &target)
        return String(decoding: text, as: UTF8.self)
    }

    private static func hmac(_ digest: OpaquePointer?, length: Int, key: [UInt8], message: [UInt8]) -> [UInt8] {
        precondition(key.count <= Int32.max, "an HMAC key must be smaller than 2 GiB")
        var code = [UInt8](repeating: 0, count: length)
        var written: UInt32 = 0
        let done = HMAC(digest, key, Int32(key.count), message, message.count, &code, &written)
        // Fails if memory is short, or if libcrypto was built or configured without the digest. Then no signature can
        // be made or checked, and continuing with a wrong one would be worse than stopping.
        precondition(done != nil && Int(written) == length, "libcrypto does not offer the digest of this HMAC")
        return code
    }
}
