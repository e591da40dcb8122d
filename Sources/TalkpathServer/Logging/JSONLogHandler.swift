import Logging
import TalkpathCore
import TalkpathWire

/// One JSON object a line: `{"time":"…","level":"info","label":"talkpath","message":"Call ended","call_id":"…"}`.
///
/// Messages are constant sentences, and values are metadata, so that a collector can group by message and search by
/// value.
struct JSONLogHandler: LineLogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel = Logger.Level.info

    private let label: String
    private let now: @Sendable () -> WallTime
    private let write: @Sendable ([UInt8]) -> Void

    /// - Parameters:
    ///   - now: the time of a line.
    ///   - write: takes a complete line with its end. Called from any thread.
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
        var line: JSONValue = [
            "time": .string(now().rfc3339),
            "level": .string(event.level.rawValue),
            "label": .string(label),
            "message": .string("\(event.message)"),
        ]
        var all = metadata
        all.merge(metadataProvider?.get() ?? [:]) { $1 }
        all.merge(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) where line[key] == nil {
            line.set(key, Self.json(value))
        }
        return line.serialized() + [UInt8(ascii: "\n")]
    }

    private static func json(_ value: Logger.Metadata.Value) -> JSONValue {
        switch value {
        case .string(let text): .string(text)
        case .stringConvertible(let value): .string("\(value)")
        case .array(let values): .array(values.map(json))
        case .dictionary(let members):
            .object(members.sorted { $0.key < $1.key }.map { (key: $0.key, value: json($0.value)) })
        }
    }
}
