import Foundation
import TalkpathCore
import TalkpathStore
import Testing

@Suite struct FileTests {
    @Test func `a folder is made for its owner only and held by one at a time`() async throws {
        try await TemporaryFolder.run { root in
            let path = root + "/deep/er"
            let folder = try DataFolder(path)
            let rights = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(rights == 0o700)
            #expect { try DataFolder(path) } throws: { ($0 as? StoreError)?.code == .inUse }
            folder.release()
            let next = try DataFolder(path)
            next.release()
        }
    }

    @Test func `a folder that cannot be made is an error`() async throws {
        try await TemporaryFolder.run { root in
            try Data().write(to: URL(filePath: root + "/file"))
            #expect { try DataFolder(root + "/file/folder") } throws: { ($0 as? StoreError)?.code == .cannotOpen }
            #expect { try DataFolder(root + "/file") } throws: { ($0 as? StoreError)?.code == .cannotOpen }
        }
    }

    @Test func `a store is readable by its owner only and comes back after closing`() async throws {
        try await TemporaryFolder.run { folder in
            let path = folder + "/store"
            let store = try SQLCallStore(.file(path), identifiers: TestIdentifiers())
            try await store.save(SampleCalls.ended("one"))
            for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + file)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(file)")
            }
            try store.close()
            let again = try SQLCallStore(.file(path), durability: .power, identifiers: TestIdentifiers())
            #expect(try await again.find(CallID("one")) == SampleCalls.kept(SampleCalls.ended("one")))
            try again.close()
        }
    }

    @Test func `what is no store is refused and left as it is`() async throws {
        try await TemporaryFolder.run { folder in
            let path = folder + "/store"
            let text = Data(String(repeating: "This is a letter. ", count: 500).utf8)
            try text.write(to: URL(filePath: path))
            #expect { try SQLCallStore(.file(path), identifiers: TestIdentifiers()) } throws: { error in
                (error as? StoreError)?.code == .cannotOpen
            }
            #expect(try Data(contentsOf: URL(filePath: path)) == text)
        }
    }
}
