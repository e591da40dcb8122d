import Dispatch
import NIOCore
import NIOEmbedded
import TalkpathAudio
import TalkpathNIO
import Testing

@Suite struct FrameTickerTests {
    private final class Entry: FrameTickerEntry {
        var instants: [MonotonicInstant] = []
        var onTick: () -> Void = {}

        func tick(at now: MonotonicInstant) {
            instants.append(now)
            onTick()
        }

        var milliseconds: [Int64] { instants.map { $0.nanoseconds / 1_000_000 } }
    }

    private let loop = EmbeddedEventLoop()

    @Test func `ticks come every 20 ms without drift`() {
        let ticker = FrameTicker(eventLoop: loop)
        let entry = Entry()
        _ = ticker.register(entry)
        // Time advances in steps that do not divide 20 ms.
        for _ in 0..<1000 { loop.advanceTime(by: .milliseconds(7)) }
        #expect(entry.milliseconds == (1...350).map { $0 * 20 })
        #expect(ticker.punctuality.ticks == 350)
        #expect(ticker.punctuality.missed == 0)
        #expect(ticker.punctuality.maximumLateness == .zero)
    }

    @Test func `one wake calls all entries with the same instant`() {
        let ticker = FrameTicker(eventLoop: loop)
        let entries = (0..<5).map { _ in Entry() }
        for entry in entries { _ = ticker.register(entry) }
        loop.advanceTime(by: .milliseconds(40))
        #expect(Set(entries.map(\.instants)).count == 1)
        #expect(ticker.punctuality.ticks == 2)
    }

    @Test func `an entry that takes too long makes the ticker skip ticks and keep its grid`() {
        // An event loop whose clock an entry can move while it runs.
        let loop = StallingLoop()
        let ticker = FrameTicker(eventLoop: loop)
        let entry = Entry()
        _ = ticker.register(entry)
        loop.runNext()
        entry.onTick = {
            loop.time = loop.time + .milliseconds(65)
            entry.onTick = {}
        }
        loop.runNext()
        loop.runNext()
        loop.runNext(late: .milliseconds(3))
        loop.runNext()
        // The entry stalls from 40 to 105 ms: the ticks at 60 and 80 are skipped, and the one at 100 is 5 ms late.
        #expect(entry.milliseconds == [20, 40, 105, 123, 140])
        #expect(ticker.punctuality.missed == 2)
        #expect(ticker.punctuality.maximumLateness == .milliseconds(5))
        #expect(ticker.punctuality.totalLateness == .milliseconds(8))
    }

    @Test func `without entries there is no timer`() {
        let ticker = FrameTicker(eventLoop: loop)
        let entry = Entry()
        let token = ticker.register(entry)
        loop.advanceTime(by: .milliseconds(20))
        ticker.unregister(token)
        ticker.unregister(token)
        loop.advanceTime(by: .seconds(10))
        #expect(ticker.punctuality.ticks == 1)
        #expect(ticker.entryCount == 0)

        _ = ticker.register(entry)
        loop.advanceTime(by: .milliseconds(20))
        #expect(entry.milliseconds == [20, 10_040])
        #expect(ticker.punctuality.missed == 0)
    }

    @Test func `an entry may unregister and others may register during a tick`() {
        let ticker = FrameTicker(eventLoop: loop)
        let first = Entry()
        let second = Entry()
        let third = Entry()
        let late = Entry()
        var firstToken: FrameTicker.Token?
        firstToken = ticker.register(first)
        let secondToken = ticker.register(second)
        _ = ticker.register(third)
        first.onTick = {
            // Unregisters itself and an entry that has not been called yet, and registers a new one.
            ticker.unregister(firstToken!)
            ticker.unregister(secondToken)
            _ = ticker.register(late)
        }
        loop.advanceTime(by: .milliseconds(20))
        #expect([first, second, third, late].map(\.instants.count) == [1, 0, 1, 0])
        loop.advanceTime(by: .milliseconds(20))
        #expect([first, second, third, late].map(\.instants.count) == [1, 0, 2, 1])
        #expect(ticker.entryCount == 2)
    }

    @Test func `a token of an unregistered entry does not affect its slot's next entry`() {
        let ticker = FrameTicker(eventLoop: loop)
        let stale = ticker.register(Entry())
        ticker.unregister(stale)
        let entry = Entry()
        _ = ticker.register(entry)
        ticker.unregister(stale)
        loop.advanceTime(by: .milliseconds(20))
        #expect(entry.instants.count == 1)
    }

    @Test func `the last entry may unregister and register again within a tick`() {
        let ticker = FrameTicker(eventLoop: loop)
        let entry = Entry()
        var token = ticker.register(entry)
        entry.onTick = {
            ticker.unregister(token)
            token = ticker.register(entry)
        }
        loop.advanceTime(by: .milliseconds(100))
        #expect(entry.instants.count == 5)
    }
}

/// An event loop of one thread whose clock is set by hand, even from within a task. NIO's embedded loop would turn its
/// clock back then.
private final class StallingLoop: EventLoop, @unchecked Sendable {
    // One test uses it on one thread; only the protocol requires Sendable.
    var time = NIODeadline.uptimeNanoseconds(0)
    private var tasks: [(deadline: NIODeadline, run: () -> Void)] = []

    /// Runs the earliest task at its time, or `late` after it.
    func runNext(late: TimeAmount = .zero) {
        guard let index = tasks.indices.min(by: { tasks[$0].deadline < tasks[$1].deadline }) else { return }
        let task = tasks.remove(at: index)
        time = max(time, task.deadline + late)
        task.run()
    }

    var now: NIODeadline { time }
    var inEventLoop: Bool { true }

    func execute(_ task: @escaping @Sendable () -> Void) { task() }

    func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        let promise = makePromise(of: T.self)
        let run = {
            do {
                promise.assumeIsolated().succeed(try task())
            } catch {
                promise.fail(error)
            }
        }
        tasks.append((deadline, run))
        return Scheduled(promise: promise, cancellationTask: {})
    }

    func scheduleTask<T>(in amount: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        scheduleTask(deadline: time + amount, task)
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        callback(nil)
    }
}
