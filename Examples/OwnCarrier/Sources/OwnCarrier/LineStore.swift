import Foundation
import TalkpathCore
import TalkpathWire

/// Keeps calls in a file of lines, each a JSON object: what was asked, and the call. For a few thousand calls.
actor LineStore: CallStore {
    private enum Entry: String {
        case journal, save, update
    }

    nonisolated let path: String
    private let file: FileHandle
    private var calls: [CallID: CallSnapshot] = [:]

    init(path: String) throws {
        self.path = path
        if !FileManager.default.fileExists(atPath: path) {
            guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
            else {
                throw CocoaError(.fileWriteUnknown)
            }
        }
        file = try FileHandle(forUpdating: URL(filePath: path))
        let contents = try file.readToEnd() ?? Data()
        for line in contents.split(separator: UInt8(ascii: "\n")) {
            // A process that was killed may have left half a line, which nobody was promised.
            guard let object = try? JSONValue(parsing: [UInt8](line)), let form = object["call"],
                let entry = object["entry"]?.string.flatMap(Entry.init), let call = try? CallSnapshot(storedForm: form)
            else { continue }
            Self.take(entry, call, &calls)
        }
        if contents.last ?? UInt8(ascii: "\n") != UInt8(ascii: "\n") { try file.write(contentsOf: Data("\n".utf8)) }
    }

    func journal(_ call: CallSnapshot) throws { try write(.journal, call) }

    func save(_ call: CallSnapshot) throws { try write(.save, call) }

    func update(_ call: CallSnapshot) throws { try write(.update, call) }

    func find(_ id: CallID) -> CallSnapshot? { calls[id] }

    func calls(matching query: CallQuery) -> CallPage { query.page(of: calls.values) }

    func count(matching query: CallQuery) -> Int { query.count(of: calls.values) }

    /// When it returns, the call is on the disk.
    private func write(_ entry: Entry, _ call: CallSnapshot) throws {
        let line: JSONValue = ["entry": .string(entry.rawValue), "call": call.storedForm]
        try file.write(contentsOf: Data(line.serialized() + [UInt8(ascii: "\n")]))
        try file.synchronize()
        // Without the agent's key, as it will be read again.
        Self.take(entry, try CallSnapshot(storedForm: call.storedForm), &calls)
    }

    private static func take(_ entry: Entry, _ call: CallSnapshot, _ calls: inout [CallID: CallSnapshot]) {
        let known = calls[call.id]
        switch entry {
        case .journal:
            // The journal takes back neither an end nor the carrier's name.
            if known?.endedAt == nil { calls[call.id] = call }
            calls[call.id]?.carrierCallID = known?.carrierCallID ?? call.carrierCallID
        case .save: calls[call.id] = call
        case .update: if known?.endedAt != nil { calls[call.id] = call }
        }
    }
}
