import Foundation
import Testing

@testable import TalkpathServer

/// The documents against the code: their lists are complete, and their links lead to files.
@Suite struct DocumentationTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// Every document that belongs to the project, by its path.
    private static func documents() throws -> [String] {
        let top = try FileManager.default.contentsOfDirectory(atPath: root.path)
        var documents = top.filter { $0.hasSuffix(".md") }
        for folder in ["docs", "Sources", "fixtures", "Benchmarks", "Examples"] where top.contains(folder) {
            let files = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
            for case let path as String in files ?? .init() where path.hasSuffix(".md") && !path.contains(".build") {
                documents.append(folder + "/" + path)
            }
        }
        return documents.sorted()
    }

    @Test func `every setting is in the configuration document`() throws {
        let page = try Self.text("docs/configuration.md")
        for setting in Setting.allCases {
            #expect(page.contains("`\(setting.rawValue)`"), "docs/configuration.md lacks \(setting.rawValue)")
        }
    }

    @Test func `every variable that the server reads is in a document`() throws {
        let pages = try Self.documents().filter { $0.hasPrefix("docs/") }.map(Self.text).joined()
        let variables = SettingsText.others.filter { !$0.hasSuffix("_") }
        for variable in Array(variables) + ["TALKPATH_URL", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"]
        {
            #expect(pages.contains("`\(variable)`"), "no document names \(variable)")
        }
    }

    @Test func `the configuration document has only settings that the server reads`() throws {
        let others: Set = ["TALKPATH_URL", "TALKPATH_API_KEY"]
        let known = others.union(Setting.allCases.map(\.rawValue))
        for match in try Self.text("docs/configuration.md").matches(of: /`((?:TALKPATH|TWILIO)_[A-Z_]+)`/) {
            #expect(known.contains(String(match.1)), "there is no setting \(match.1)")
        }
    }

    @Test func `every metric is in the operating document`() throws {
        let page = try Self.text("docs/operating.md")
        for metric in MetricsRoute.help.keys.sorted() {
            #expect(page.contains("`\(metric)`"), "docs/operating.md lacks \(metric)")
        }
    }

    @Test func `every route of our own is in the control API document`() throws {
        let page = try Self.text("docs/control-api.md")
        for operation in APIDocument.operations where ["Calls", "Agents", "Events", "Server"].contains(operation.area) {
            let path = operation.path.replacing(/\{[a-z_]+\}/, with: "{id}")
            let last = path.split(separator: "/").last ?? ""
            #expect(page.contains(path) || page.contains("`/\(last)`"), "docs/control-api.md lacks \(operation.path)")
        }
    }

    @Test func `every event is in the control API document`() throws {
        let page = try Self.text("docs/control-api.md")
        for type in EventType.allCases {
            #expect(page.contains("`\(type.rawValue)`"), "docs/control-api.md lacks \(type.rawValue)")
        }
    }

    @Test func `every relative link leads to a file`() throws {
        let documents = try Self.documents()
        #expect(documents.count > 10)
        var links = 0
        for document in documents {
            let folder = Self.root.appending(path: document).deletingLastPathComponent()
            for match in try Self.text(document).matches(of: /\]\(([^)\s]+)\)/) {
                let target = match.1.split(separator: "#", omittingEmptySubsequences: false)[0]
                guard !target.isEmpty, !match.1.contains("://"), !match.1.hasPrefix("mailto:") else { continue }
                links += 1
                let path = folder.appending(path: String(target)).standardized.path
                let exists = FileManager.default.fileExists(atPath: path)
                #expect(exists, "\(document) links to \(match.1), which is not there")
            }
        }
        #expect(links > 15)
    }

    @Test func `the resolved versions are those of the whole package`() throws {
        let manifest = try Self.text("Package.swift")
        let resolved = try Self.text("Package.resolved")
        for match in manifest.matches(of: /url: "(https:[^"]+)"/) {
            #expect(
                resolved.contains("\"\(match.1)\""),
                "Package.resolved lacks \(match.1): git checkout Package.resolved"
            )
        }
    }

    @Test func `the front page is short`() throws {
        #expect(try Self.text("README.md").split(separator: "\n", omittingEmptySubsequences: false).count <= 121)
    }
}
