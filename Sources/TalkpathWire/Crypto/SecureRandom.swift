internal import COpenSSL

/// Unpredictable bytes from libcrypto's generator.
///
/// Sans-IO code gets its randomness from its callers; this is their source.
public enum SecureRandom {
    public static func bytes(_ count: Int) -> [UInt8] {
        precondition(count >= 0 && count <= Int32.max, "\(count) random bytes cannot be generated")
        guard count > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        // Without randomness every token could be guessed, so the process must not continue.
        precondition(RAND_bytes(&bytes, Int32(count)) == 1, "libcrypto's random generator could not be seeded")
        return bytes
    }

    /// 256 bits as 43 characters of the URL-safe Base64 alphabet (RFC 4648, section 5), without padding.
    ///
    /// Can be used unescaped in a URL, a header, an XML attribute and a file name.
    public static func token() -> String {
        let text = TalkpathCrypto.base64(bytes(32)).utf8.compactMap { character -> UInt8? in
            switch character {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: character
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
