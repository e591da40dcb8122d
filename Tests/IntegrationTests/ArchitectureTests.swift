import Foundation
import Testing

/// Compares the layers in `Sources/README.md` with the imports in the code.
@Suite struct ArchitectureTests {
    private static let sources = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Sources")

    /// The names of the C library on various systems.
    private static let everywhere: Set = ["Glibc", "Musl", "Darwin"]

    /// Target names to the modules their rows allow.
    private static func allowed() throws -> [String: Set<String>] {
        let text = try String(contentsOf: sources.appendingPathComponent("README.md"), encoding: .utf8)
        var rows: [String: Set<String>] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count >= 5 else { continue }
            let modules = (cells[3] + "," + cells[4]).split(separator: ",")
                .map { $0.trimmingCharacters(in: .whitespaces) }
            for name in cells[1].split(separator: " ") {
                rows[name.trimmingCharacters(in: CharacterSet(charactersIn: "`"))] = Set(modules)
            }
        }
        return rows
    }

    private static func swiftFiles(of target: String) -> [URL] {
        let folder = sources.appendingPathComponent(target)
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        return (files?.allObjects as? [URL] ?? []).filter { $0.pathExtension == "swift" }
    }

    @Test func `every import is one that the table allows`() throws {
        let allowed = try Self.allowed()
        var files = 0
        for (target, modules) in allowed {
            for file in Self.swiftFiles(of: target) {
                files += 1
                let text = try String(contentsOf: file, encoding: .utf8)
                for line in text.split(separator: "\n") {
                    let words = line.split(separator: " ")
                    guard let position = words.firstIndex(of: "import"), position <= 2, line.first != " ",
                        words[..<position].allSatisfy({
                            $0.hasPrefix("@") || ["public", "package", "internal", "private"].contains($0)
                        }), let module = words.dropFirst(position + 1).last
                    else { continue }
                    #expect(
                        modules.contains(String(module)) || Self.everywhere.contains(String(module)),
                        "\(target)/\(file.lastPathComponent) imports \(module), which Sources/README.md does not allow"
                    )
                }
            }
        }
        #expect(files > 50)
    }

    @Test func `every target has a row in the table`() throws {
        let allowed = try Self.allowed()
        for folder in try FileManager.default.contentsOfDirectory(at: Self.sources, includingPropertiesForKeys: nil)
        where folder.hasDirectoryPath {
            #expect(allowed[folder.lastPathComponent] != nil, "no row for \(folder.lastPathComponent)")
        }
    }

    @Test func `the sans-IO targets read no clock and start no task`() throws {
        let forbidden = [
            "ContinuousClock()", "Date()", " Task {", "Task.detached", "Task.sleep", "DispatchQueue", ".now()",
        ]
        for target in ["TalkpathAudio", "TalkpathWire", "TalkpathCore"] {
            for file in Self.swiftFiles(of: target) {
                let text = try String(contentsOf: file, encoding: .utf8)
                for word in forbidden {
                    #expect(!text.contains(word), "\(target)/\(file.lastPathComponent) contains \(word)")
                }
            }
        }
    }

    /// One place sets the version of TLS, redirects and retries of clients, so no other place may configure a client.
    @Test func `only one place configures the TLS of clients`() throws {
        let makers = [
            "makeClientConfiguration": "OutboundTLS.swift", "HTTPClient.Configuration(": "OutboundHTTP.swift",
        ]
        // The simulators have their own clients, because they are judges. The stages of the talkpath command stay on
        // loopback.
        for target in ["TalkpathNIO", "TalkpathHTTP", "TalkpathServer", "talkpath", "talkpath-bench"] {
            for file in Self.swiftFiles(of: target) {
                let text = try String(contentsOf: file, encoding: .utf8)
                for (maker, place) in makers where file.lastPathComponent != place {
                    #expect(!text.contains(maker), "\(target)/\(file.lastPathComponent) configures a client of its own")
                }
            }
        }
    }
}
