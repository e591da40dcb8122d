import TalkpathWire

/// A place in a trace, as W3C's header `traceparent` carries it from one program to the next.
struct TraceParent: Hashable, Sendable {
    static let header = "traceparent"

    /// 32 lower-case hexadecimal digits, not all of them 0.
    let trace: String
    /// 16 of them.
    let span: String
    /// True if the beginner of the trace keeps it.
    let isSampled: Bool

    init(trace: String, span: String, isSampled: Bool) {
        self.trace = trace
        self.span = span
        self.isSampled = isSampled
    }

    /// Reads a header.
    /// - Returns: `nil` if it is none of the standard's; then a new trace begins.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, Self.isHex(parts[0], 2), parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            Self.isHex(parts[1], 32), Self.isHex(parts[2], 16), Self.isHex(parts[3], 2),
            parts[1].utf8.contains(where: { $0 != UInt8(ascii: "0") }),
            parts[2].utf8.contains(where: { $0 != UInt8(ascii: "0") }), let flags = UInt8(parts[3], radix: 16)
        else { return nil }
        trace = String(parts[1])
        span = String(parts[2])
        isSampled = flags & 1 == 1
    }

    /// A new place in the trace of another one; in a new trace without one.
    static func child(of parent: TraceParent?) -> TraceParent {
        TraceParent(
            trace: parent?.trace ?? hex(of: SecureRandom.bytes(16)),
            span: hex(of: SecureRandom.bytes(8)),
            isSampled: parent?.isSampled ?? true
        )
    }

    /// The header's value.
    var text: String { "00-\(trace)-\(span)-\(isSampled ? "01" : "00")" }

    private static func isHex(_ text: Substring, _ count: Int) -> Bool {
        text.utf8.count == count && text.utf8.allSatisfy { digits.contains($0) }
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private static func hex(of bytes: [UInt8]) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
