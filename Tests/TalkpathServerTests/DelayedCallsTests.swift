import Synchronization
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Delayed calls that are looked up again while one of them is being placed.
@Suite(.timeLimit(.minutes(1))) struct DelayedCallsTests {
    @Test func `a call that is being placed is not placed a second time`() async throws {
        let store = try SQLCallStore(.memory, identifiers: SystemIdentifiers())
        let delayed = DelayedCalls(store: store, clock: SystemClock(), logger: TestServer.silent)
        func add(_ id: String) async throws {
            try await delayed.add(
                .init(call: CallID(id), tenant: "default", request: CreateCallRequest(to: TestServer.number)),
                agentID: "agent",
                after: .zero
            )
        }
        let (placed, queue) = AsyncStream.makeStream(of: CallID.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        try await add("one")
        let running = Task {
            await delayed.run { entry in
                queue.yield(entry.call)
                if entry.call == CallID("one") { for await _ in released {} }
                return true
            }
        }
        var next = placed.makeAsyncIterator()
        #expect(await next.next() == CallID("one"))
        await delayed.restore()
        // A second placement would come before or beside this one.
        try await add("two")
        #expect(await next.next() == CallID("two"))
        #expect(await delayed.count == 0)
        release.finish()
        while try await !store.delayedCalls().isEmpty { await Task.yield() }
        try await add("three")
        #expect(await next.next() == CallID("three"))
        running.cancel()
        await running.value
        try store.close()
    }
}
