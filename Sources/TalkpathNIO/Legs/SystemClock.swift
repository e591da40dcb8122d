import FoundationEssentials
import NIOCore
package import TalkpathAudio
package import TalkpathCore
import TalkpathWire

/// The machine's clocks: the monotonic clock that event loops use, and wall-clock time.
package struct SystemClock: CallClock {
    package init() {}

    package var now: MonotonicInstant {
        MonotonicInstant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }

    package var wallTime: WallTime {
        WallTime(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
    }
}

/// Random identifiers from the system's cryptographic generator.
package struct SystemIdentifiers: IdentifierSource {
    package init() {}

    /// A random UUID (RFC 9562, version 4).
    package func makeCallID() -> CallID {
        var bytes = SecureRandom.bytes(16)
        bytes[6] = bytes[6] & 0x0F | 0x40
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Array(TalkpathCrypto.hexadecimal(bytes))
        let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        return CallID(groups.map { String(digits[$0]) }.joined(separator: "-"))
    }

    package func makeToken() -> String {
        SecureRandom.token()
    }
}
