import Foundation
import NIOHTTP1
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// The deletion of a call removes every copy of it.
@Suite(.timeLimit(.minutes(5))) struct DeletionTests {
    private func remains(of words: [String], in folder: String) throws -> [String] {
        let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return try files.filter { name in
            let path = folder + "/" + name
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else {
                return false
            }
            let content = try Data(contentsOf: URL(filePath: path))
            return words.contains { name.contains($0) || content.range(of: Data($0.utf8)) != nil }
        }
    }

    @Test func `a deleted call leaves no data`() async throws {
        try await ServerFolder.run { folder in
            let recordings = folder.path + "/recordings"
            try await TestServer.run(configure: {
                $0.storage = .init(folder: folder.path)
                $0.recordings = Recordings(folder: recordings)
            }) { test async throws in
                _ = try await test.send(.POST, "/api/webhooks", #"{"url":"https://sink.example.test"}"#)
                let call = try await test.place(#","capture":"wire,audio","metadata":{"who":"Ada Lovelace"}"#)
                _ = try await test.end(call)
                let store = test.server.state.store.calls
                while try await store.recordings(of: call).count < 2 { await Task.yield() }
                #expect(try await !store.events(of: call, after: 0).isEmpty)
                #expect(try remains(of: [call.text, "Ada Lovelace"], in: folder.path).count >= 3)

                #expect(try await test.send(.DELETE, "/api/calls/\(call)").status == 204)
                let unknown = try await test.send(.GET, "/api/calls/none")
                for path in ["", "/transcript", "/recording", "/events"] {
                    let answer = try await test.send(.GET, "/api/calls/\(call)\(path)")
                    #expect(answer.status == 404 && answer.text == unknown.text, "\(path)")
                }
                #expect(try await test.send(.DELETE, "/api/calls/\(call)").status == 404)
                #expect(try await test.send(.GET, "/api/calls?state=all")["count"] == 0)
                #expect(try await store.events(of: call, after: 0).isEmpty)
            }
            #expect(try remains(of: ["Ada Lovelace"], in: folder.path) == [])
            #expect(try FileManager.default.contentsOfDirectory(atPath: recordings) == [])
        }
    }

    @Test func `a live call cannot be deleted`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let refused = try await test.send(.DELETE, "/api/calls/\(call)")
            #expect(refused.status == 409 && refused["code"] == "call_active")
            #expect(try await test.end(call).status == 200)
            #expect(try await test.send(.DELETE, "/api/calls/\(call)").status == 204)
        }
    }

    @Test func `a call that is still to be hung up cannot be deleted`() async throws {
        try await TestServer.run { test async throws in
            test.carrier.answerHangingUp(with: .failure(CarrierError(.refused, "no")))
            let call = try await test.place()
            #expect(try await test.end(call).status == 502)
            let refused = try await test.send(.DELETE, "/api/calls/\(call)")
            #expect(refused.status == 409 && refused["code"] == "call_active")
            let shown = try await test.send(.GET, "/api/calls/\(call)")
            #expect(shown.status == 200)
        }
    }

    @Test func `another tenant's call answers like an unknown one and stays`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            _ = try await test.end(call)
            let theirs = try await test.send(.DELETE, "/api/calls/\(call)", key: TestServer.otherKey)
            let unknown = try await test.send(.DELETE, "/api/calls/none", key: TestServer.otherKey)
            #expect(theirs.status == 404 && theirs.text == unknown.text)
            #expect(try await test.send(.GET, "/api/calls/\(call)").status == 200)
        }
    }
}
