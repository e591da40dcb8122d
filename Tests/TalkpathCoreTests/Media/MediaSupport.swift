import TalkpathAudio
import TalkpathWire

@testable import TalkpathCore

extension [UInt8] {
    var base64: String {
        var text = [UInt8](repeating: 0, count: Base64.encodedCount(ofBytes: count))
        var target = text.mutableSpan
        _ = Base64.encode(span.bytes, into: &target)
        return String(decoding: text, as: UTF8.self)
    }

    init(base64 text: String) {
        let characters = Array<UInt8>(text.utf8)
        var bytes = [UInt8](repeating: 0, count: Base64.decodedCount(of: characters.span.bytes))
        var target = bytes.mutableSpan
        _ = try? Base64.decode(characters.span.bytes, into: &target)
        self = bytes
    }

    /// Bytes that differ from their neighbours, so that a lost or doubled byte is noticed.
    static func counting(_ count: Int, from start: Int = 0) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 + start) % 251) }
    }
}

/// A socket's end that records the messages that it was sent.
final class SpySink: LegSink {
    private(set) var messages: [String] = []
    private(set) var drains = 0

    func drain(_ outbox: inout MessageOutbox) {
        drains += 1
        outbox.drain { message in messages.append(message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }) }
    }

    func take() -> [String] {
        defer { messages = [] }
        return messages
    }
}

/// The carrier's received messages.
enum CarrierMessage: Equatable {
    case media([UInt8])
    case mark(String)
    case clear

    init?(_ text: String) {
        guard let json = try? JSONValue(parsing: text) else { return nil }
        switch json["event"]?.string {
        case "media": self = .media([UInt8](base64: json["media"]?["payload"]?.string ?? ""))
        case "mark": self = .mark(json["mark"]?["name"]?.string ?? "")
        case "clear": self = .clear
        default: return nil
        }
    }

    var audio: [UInt8]? { if case .media(let bytes) = self { bytes } else { nil } }
    var mark: String? { if case .mark(let name) = self { name } else { nil } }
}

extension MonotonicInstant {
    static func at(milliseconds: Int) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: 1_000_000_000 + Int64(milliseconds) * 1_000_000)
    }
}
