import Foundation
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import Testing

@testable import TalkpathServer

/// Retention by the settings.
@Suite struct StoreUpkeepTests {
    private static let hour: Int64 = 3600 * 1000

    /// A store with one ended call that has many turns and a recording, and its upkeep.
    private struct Stage {
        let store: SQLCallStore
        let upkeep: StoreUpkeep
        let clock = ManualClock()
        let call = CallID("one")
        let recording: String

        init(_ folder: ServerFolder, _ adjust: (inout ServerConfiguration.Storage) -> Void) async throws {
            var storage = ServerConfiguration.Storage(folder: nil)
            adjust(&storage)
            let recorder = EventRecorder(clock: clock)
            store = try SQLCallStore(.memory, outbox: recorder, identifiers: SystemIdentifiers())
            upkeep = StoreUpkeep(
                store: store,
                recorder: recorder,
                storage: storage,
                clock: clock,
                logger: TestServer.silent
            )
            recording = folder.path + "/one.ogg"
            try Data("sound".utf8).write(to: URL(filePath: recording))
            var ended = EndedCalls.call("one")
            ended.transcript = [TranscriptEntry(speaker: .caller, text: "Hello", milliseconds: 1)]
            try await store.save(ended)
            #expect(try await store.addRecording(recording, of: call, at: clock.wallTime))
            // The clock begins with the call.
            clock.wallTime = WallTime(milliseconds: try #require(ended.endedAt).milliseconds)
        }

        func tidy(after hours: Int64) async throws {
            let ended = EndedCalls.call("one").endedAt?.milliseconds ?? 0
            clock.wallTime = WallTime(milliseconds: ended + hours * StoreUpkeepTests.hour)
            try await upkeep.tidy()
        }

        /// The remaining data of the call.
        func left() async throws -> Set<String> {
            var left: Set<String> = []
            let known = try await store.find(call)
            if known != nil { left.insert("call") }
            if known?.transcript.isEmpty == false { left.insert("transcript") }
            if try await !store.recordings(of: call).isEmpty { left.insert("recording") }
            if FileManager.default.fileExists(atPath: recording) { left.insert("file") }
            if try await !store.events(of: call, after: 0).isEmpty { left.insert("events") }
            return left
        }
    }

    private static let all: Set<String> = ["call", "transcript", "recording", "file", "events"]

    @Test func `data that must not be kept is deleted even if it was written before`() async throws {
        try await ServerFolder.run { folder in
            let stage = try await Stage(folder) {
                $0.transcripts = .off
                $0.recordings = .off
            }
            #expect(try await stage.left() == Self.all)
            try await stage.tidy(after: 1)
            #expect(try await stage.left() == ["call", "events"])
        }
    }

    @Test func `each kind of data is kept as long as its own setting says`() async throws {
        try await ServerFolder.run { folder in
            let stage = try await Stage(folder) {
                $0.transcripts = .days(1)
                $0.recordings = .days(2)
                $0.events = .days(3)
                $0.calls = .days(4)
            }
            var expected = Self.all
            for (day, goes) in [(1, ["transcript"]), (2, ["recording", "file"]), (3, ["events"]), (4, ["call"])] {
                try await stage.tidy(after: Int64(day) * 24 - 1)
                #expect(try await stage.left() == expected, "before the end of day \(day)")
                expected.subtract(goes)
                try await stage.tidy(after: Int64(day) * 24 + 1)
                #expect(try await stage.left() == expected, "after the end of day \(day)")
            }
        }
    }

    @Test func `data that is kept for ever stays`() async throws {
        try await ServerFolder.run { folder in
            let stage = try await Stage(folder) {
                ($0.transcripts, $0.recordings, $0.calls, $0.events) = (.forever, .forever, .forever, .forever)
            }
            try await stage.tidy(after: 24 * 365 * 50)
            #expect(try await stage.left() == Self.all)
        }
    }
}
