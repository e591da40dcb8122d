import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Files of calls: listed in the record, announced by an event, and deleted with the record.
@Suite(.timeLimit(.minutes(5))) struct RecordingTests {
    private func run(
        _ folder: ServerFolder,
        calls: ServerConfiguration.Retention = .forever,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let configure = { (configuration: inout ServerConfiguration) in
            configuration.storage = .init(folder: folder.path)
            configuration.storage.calls = calls
            configuration.recordings = Recordings(folder: folder.path + "/recordings")
        }
        try await TestServer.run(configure: configure, body)
    }

    private func types(_ store: SQLCallStore, _ call: CallID) async throws -> [String] {
        try await store.events(of: call, after: 0).map(\.type)
    }

    @Test func `a finished recording is in the record and in an event`() async throws {
        try await ServerFolder.run { folder in
            try await run(folder) { test async throws in
                let call = try await test.place(#","capture":"wire,audio""#)
                _ = try await test.end(call)
                let store = test.server.state.store.calls
                while try await !types(store, call).contains("call.recording") { await Task.yield() }
                let event = try await store.events(of: call, after: 0).first { $0.type == "call.recording" }
                #expect(event?.data["recording_url"]?.string == "/api/calls/\(call)/recording")
                #expect(event?.data["to_number"]?.string == TestServer.number)
                #expect(try await test.send(.GET, "/api/calls/\(call)/recording").status == 200)
                // A client that accepts no audio type still gets the file.
                let plain = [("Accept", "application/octet-stream")]
                let file = try await test.send(.GET, "/api/calls/\(call)/recording", headers: plain)
                #expect(file.status == 200 && file.headers["Content-Type"] == ["application/octet-stream"])
                while try await store.recordings(of: call).count < 2 { await Task.yield() }
                #expect(try await types(store, call).count { $0 == "call.recording" } == 1)
            }
        }
    }

    @Test func `a follower of a call gets the event of its recording, too`() async throws {
        try await ServerFolder.run { folder in
            try await run(folder) { test async throws in
                let call = try await test.place()
                let store = test.server.state.store.calls
                var request = HTTPClientRequest(url: "http://127.0.0.1:\(test.server.port)/api/calls/\(call)/events")
                request.headers.add(name: "Authorization", value: "Bearer \(TestServer.key)")
                let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
                var text = ""
                for try await chunk in response.body {
                    let before = text
                    text += String(buffer: chunk)
                    func hasCome(_ type: String) -> Bool { text.contains(type) && !before.contains(type) }
                    // The stream is open, so the call may end now.
                    if hasCome("event: call.started") { _ = try await test.end(call) }
                    // The disk is slow, so the analysis came first.
                    if hasCome("event: call.analyzed") {
                        let now = SystemClock().wallTime
                        let event = EventCatalogue.recording(call, at: now)
                        _ = try await store.addRecording("/none.ogg", of: call, at: now, telling: event)
                    }
                }
                let events = text.split(separator: "\n").filter { $0.hasPrefix("event: ") }
                #expect(Set(events).isSuperset(of: ["event: call.ended", "event: call.recording"]), "\(events)")
            }
        }
    }

    /// The server is told to stop while the call is live.
    @Test func `the recording of a call that ends with the server is in the record`() async throws {
        try await ServerFolder.run { folder in
            var call = CallID("")
            try await run(folder) { test async throws in call = try await test.place(#","capture":"audio""#) }
            try await folder.withStore { store async throws in
                #expect(try await store.recordings(of: call).count == 1)
                #expect(try await types(store, call).suffix(2).contains("call.recording"))
            }
        }
    }

    @Test func `a recording that a killed process has left is added by the next process`() async throws {
        try await ServerFolder.run { folder in
            let recordings = folder.path + "/recordings"
            try FileManager.default.createDirectory(atPath: recordings, withIntermediateDirectories: true)
            for name in ["lost.ogg", "lost.tpcap", "stranger.ogg", "notes.txt"] {
                try Data("x".utf8).write(to: URL(filePath: recordings + "/" + name))
            }
            try await folder.withStore { try await $0.journal(ServerFolder.liveCall("lost")) }
            try await run(folder) { test async throws in
                let store = test.server.state.store.calls
                while try await store.recordings(of: CallID("lost")).count < 2 { await Task.yield() }
                while try await !types(store, CallID("lost")).contains("call.recording") { await Task.yield() }
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: recordings).sorted()
            #expect(left == ["lost.ogg", "lost.tpcap", "notes.txt", "stranger.ogg"])
        }
    }

    @Test func `files are deleted with the record at the end of its retention`() async throws {
        try await ServerFolder.run { folder in
            let recordings = folder.path + "/recordings"
            try await run(folder, calls: .days(1)) { test async throws in
                let call = try await test.place(#","capture":"wire,audio""#)
                _ = try await test.end(call)
                let state = test.server.state
                while try await state.store.calls.recordings(of: call).count < 2 { await Task.yield() }
                let upkeep = { (clock: any CallClock) in
                    StoreUpkeep(
                        store: state.store.calls,
                        recorder: state.store.recorder,
                        storage: state.configuration.storage,
                        clock: clock,
                        logger: TestServer.silent
                    )
                }
                try await upkeep(state.bridge.clock).tidy()
                #expect(try FileManager.default.contentsOfDirectory(atPath: recordings).count == 2)
                try await upkeep(LaterClock(by: 25 * 3600)).tidy()
                #expect(try FileManager.default.contentsOfDirectory(atPath: recordings) == [])
                #expect(try await test.send(.GET, "/api/calls/\(call)").status == 404)
            }
        }
    }
}

/// Another time of day.
private struct LaterClock: CallClock {
    private let clock = SystemClock()
    let seconds: Int64

    init(by seconds: Int64) { self.seconds = seconds }

    var now: MonotonicInstant { clock.now }
    var wallTime: WallTime { WallTime(milliseconds: clock.wallTime.milliseconds + seconds * 1000) }
}
