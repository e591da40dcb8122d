import Logging
import TalkpathCore

/// Lines for people: `2026-11-29T12:00:00.000Z info talkpath: call_id=… Call ended`.
///
/// A value cannot begin another line: control characters are written as escapes.
struct ConsoleLogHandler: LineLogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel = Logger.Level.info

    private let label: String
    private let now: @Sendable () -> WallTime
    private let write: @Sendable ([UInt8]) -> Void

    /// - Parameters: as in ``JSONLogHandler``.
    init(label: String, now: @escaping @Sendable () -> WallTime, write: @escaping @Sendable ([UInt8]) -> Void) {
        self.label = label
        self.now = now
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { write(line(of: event)) }

    func line(of event: LogEvent) -> [UInt8] {
        var all = metadata
        all.merge(metadataProvider?.get() ?? [:]) { $1 }
        all.merge(event.metadata ?? [:]) { $1 }
        var line = "\(now().rfc3339) \(event.level) \(label):"
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(Self.escaped("\(value)"))" }
        line += " \(Self.escaped("\(event.message)"))\n"
        return Array(line.utf8)
    }

    private static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return text.unicodeScalars.reduce(into: "") { $0 += isControl($1) ? $1.escaped(asASCII: true) : String($1) }
    }

    /// C0, DEL, C1, and the two line ends that Unicode adds.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
    }
}
