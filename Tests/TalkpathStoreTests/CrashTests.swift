import Foundation
import TalkpathCore
import TalkpathStore
import TestDatabases
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A process that works on a store and is killed, as by `kill -9`, at a random moment; then what is left is judged.
@Suite struct CrashTests {
    /// What the process that will die has been told by the store, line by line, in a file.
    private struct Diary {
        let descriptor: Int32

        init(_ path: String) {
            descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        }

        func note(_ line: String) {
            let bytes = Array("\(line)\n".utf8)
            _ = write(descriptor, bytes, bytes.count)
        }
    }

    /// Leads calls until the process dies: each is journalled, told of, and ended.
    private static func leadCalls(in folder: String, round: Int, until death: Duration) async throws {
        let diary = Diary(folder + "/diary")
        let outbox = TestOutbox()
        let store = try SQLCallStore(.file(folder + "/store"), outbox: outbox, identifiers: TestIdentifiers())
        try await store.putEndpoint(
            Endpoint(id: "e", tenant: nil, kind: .webhook, url: "", secret: "", createdAt: SampleCalls.noon)
        )
        _ = try await store.sweep(at: SampleCalls.noon + 100_000)
        let doom = Thread {
            usleep(UInt32(death.components.attoseconds / 1_000_000_000_000))
            kill(getpid(), SIGKILL)
        }
        doom.start()
        await withTaskGroup { group in
            for lane in 0..<4 {
                group.addTask {
                    var number = 0
                    while true {
                        let id = "\(round)-\(lane)-\(number)"
                        number += 1
                        outbox.tell("call.started", id)
                        try? await store.journal(SampleCalls.live(id, carrierCallID: "CA\(id)"))
                        diary.note("journalled \(id)")
                        guard number % 3 > 0 else { continue }
                        try? await store.save(SampleCalls.ended(id, carrierCallID: "CA\(id)"))
                        diary.note("saved \(id)")
                    }
                }
            }
        }
    }

    /// Some seconds where nothing else runs; each process that is killed is this whole test bundle, started anew.
    @Test(.timeLimit(.minutes(10)))
    func `no ended call and no event is lost whenever the process is killed`() async throws {
        try await TemporaryFolder.run { folder in
            var generator = SystemRandomNumberGenerator()
            for round in 0..<6 {
                let microseconds = Int.random(in: 20_000...400_000, using: &generator)
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [folder = folder as String, round = round as Int, microseconds = microseconds as Int] in
                    try await Self.leadCalls(in: folder, round: round, until: .microseconds(microseconds))
                }
            }
            try await Self.judge(folder)
        }
    }

    private static func judge(_ folder: String) async throws {
        let lines = try String(contentsOfFile: folder + "/diary", encoding: .utf8).split(separator: "\n")
        func named(_ word: String) -> Set<String> {
            Set(lines.filter { $0.hasPrefix(word + " ") }.map { String($0.dropFirst(word.count + 1)) })
        }
        let (journalled, saved) = (named("journalled"), named("saved"))
        #expect(saved.count > 20, "the processes have done something before they died")
        #expect(journalled.count > saved.count)

        let store = try SQLCallStore(
            .file(folder + "/store"),
            outbox: TestOutbox(),
            identifiers: TestIdentifiers()
        )
        _ = try await store.sweep(at: SampleCalls.noon + 100_000)
        for id in journalled.union(saved) {
            let call = try #require(try await store.find(CallID(id)), "\(id) is lost")
            let reason = try #require(call.receipt?.reason, "\(id) has no end")
            if saved.contains(id) { #expect(reason == .endedByAPI, "\(id)") }
            #expect(try await store.types(of: id) == ["call.started", "call.ended"], "\(id)")
            let isLost = reason == .nodeLost
            let job = try await store.hangUp(of: CallID(id))
            #expect(job?.carrierCallID == (isLost ? "CA\(id)" : nil), "\(id)")
        }
        // Every event is on its way to whoever wants it: none was written without its delivery.
        let calls = try await store.count(matching: CallQuery())
        #expect(calls >= journalled.count)
        #expect(try await store.countDeliveries() == (2 * calls, 0))
        try store.close()
    }
}
