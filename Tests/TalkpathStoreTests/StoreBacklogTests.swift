import Synchronization
import Testing

@testable import TalkpathStore

@Suite struct StoreBacklogTests {
    @Test func `a store that is behind says so once, and once when it has caught up`() {
        let told = Mutex<[StoreNews]>([])
        let backlog = StoreBacklog(most: 4) { news in told.withLock { $0.append(news) } }
        for _ in 0..<3 { backlog.requested() }
        #expect(!backlog.isBehind)
        for _ in 0..<2 { backlog.requested() }
        #expect(backlog.isBehind)
        #expect(told.withLock { $0 } == [.behind(waiting: 4)])
        for _ in 0..<2 { backlog.done() }
        #expect(backlog.isBehind)
        backlog.done()
        #expect(!backlog.isBehind)
        for _ in 0..<2 { backlog.done() }
        #expect(told.withLock { $0 } == [.behind(waiting: 4), .caughtUp])
    }
}
