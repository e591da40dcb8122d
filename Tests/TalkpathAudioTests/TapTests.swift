import Synchronization
import Testing

@testable import TalkpathAudio

@Suite struct TapTests {
    private static func instant(_ number: Int) -> MonotonicInstant { MonotonicInstant(nanoseconds: Int64(number)) }

    private struct Found {
        var record: TapRecord
        var payload: [UInt8]
    }

    /// Owns a tap, as a recorder does. Unchecked: one task at a time uses each.
    private final class Listener: @unchecked Sendable {
        private var tap: Tap

        init(_ point: TapPoint, _ kinds: TapKinds, capacity: Int = 0) throws(TapError) {
            tap = try point.attach(kinds, minimumCapacity: capacity)
        }

        var capacity: Int { tap.capacity }
        var readable: Int { tap.readable }
        var isEnded: Bool { tap.isEnded }
        var droppedRecords: UInt64 { tap.dropped.records }
        var droppedBytes: UInt64 { tap.dropped.bytes }

        func next<Result>(_ body: (TapRecord, RawSpan) throws -> Result) rethrows -> Result? { try tap.next(body) }

        /// Every waiting record, with its payload.
        func drain() -> [Found] {
            var found: [Found] = []
            while let next = tap.next({ Found(record: $0, payload: $1.withUnsafeBytes { Array($0) }) }) {
                found.append(next)
            }
            return found
        }

        func payloads() -> [[UInt8]] { drain().map(\.payload) }
    }

    /// Owns the writer, as a call's media does. Unchecked: one task at a time uses it.
    private final class Source: @unchecked Sendable {
        private var writer: TapWriter?
        let point: TapPoint

        init(pool: TapPool? = nil) {
            let taps = TapSet(pool: pool)
            point = taps.point
            let writer = taps.writer
            self.writer = consume writer
        }

        func wants(_ kind: TapKind) -> Bool { writer?.wants(kind) ?? false }

        func write(_ kind: TapKind, at number: Int, _ payload: [UInt8]) {
            writer?.write(kind, at: instant(number), payload.span.bytes)
        }

        /// Writes a record whose length and equal bytes follow from its number.
        func write(_ number: UInt64) {
            let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: Int(number % 97))
            write(.callerAudio, at: Int(number), payload)
        }

        func end() { writer = nil }
    }

    @Test func `every tap gets its kinds in order and nothing else`() throws {
        let source = Source()
        #expect(!source.wants(.callerAudio))
        source.write(.callerAudio, at: 0, [0])
        let audio = try Listener(source.point, .audio)
        let messages = try Listener(source.point, .messages)
        let all = try Listener(source.point, .everything)
        #expect(source.point.count == 3)
        #expect(source.wants(.callerAudio) && source.wants(.toAgent) && source.wants(TapKind(rawValue: 63)))
        source.write(.callerAudio, at: 1, [1, 2])
        source.write(.fromTelephony, at: 2, [3])
        source.write(TapKind(rawValue: 40), at: 3, [4])
        source.write(.cleared, at: 4, [UInt8]())
        #expect(audio.payloads() == [[1, 2], []])
        #expect(messages.payloads() == [[3]])
        let found = all.drain()
        #expect(found.map(\.payload) == [[1, 2], [3], [4], []])
        #expect(found.map(\.record.kind.rawValue) == [0, 2, 40, 6])
        #expect(found.map(\.record.instant) == (1...4).map(Self.instant))
        #expect(found.allSatisfy { $0.record.lostRecords == 0 && Int($0.record.byteCount) == $0.payload.count })
    }

    @Test func `a full tap drops whole records, counts them and reports where`() throws {
        let source = Source()
        let slow = try Listener(source.point, .audio, capacity: 1024)
        let quick = try Listener(source.point, .audio, capacity: 1024)
        #expect(slow.capacity == 1024)
        // A header takes 25 bytes: eight records of 100 fill 1,000 of 1,024, and two more are lost.
        for number in 0..<10 {
            source.write(.callerAudio, at: number, [UInt8](repeating: UInt8(number), count: 100))
            #expect(quick.payloads() == [[UInt8](repeating: UInt8(number), count: 100)])
        }
        #expect(slow.droppedRecords == 2)
        #expect(slow.droppedBytes == 200)
        #expect(slow.readable == 1000)
        #expect(slow.next { record, _ in record.instant } == Self.instant(0))
        source.write(.callerAudio, at: 10, [UInt8](repeating: 9, count: 2000))
        source.write(.callerAudio, at: 11, [42])
        source.write(.callerAudio, at: 12, [43])
        let rest = slow.drain()
        #expect(rest.map(\.record.instant) == ([1, 2, 3, 4, 5, 6, 7, 11, 12]).map(Self.instant))
        #expect(rest.map(\.record.lostRecords) == [0, 0, 0, 0, 0, 0, 0, 3, 0])
        #expect(rest.map(\.record.lostBytes) == [0, 0, 0, 0, 0, 0, 0, 2200, 0])
        #expect(slow.droppedRecords == 3)
        #expect(slow.droppedBytes == 2200)
        #expect(quick.droppedRecords == 1)
        #expect(quick.droppedBytes == 2000)
    }

    @Test(arguments: [0, 1, 7, 100, 487, 999])
    func `records that wrap around the ring are intact`(size: Int) throws {
        let source = Source()
        let tap = try Listener(source.point, .audio, capacity: 1024)
        for round in 0..<2000 {
            let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ round) }
            source.write(.agentAudio, at: round, payload)
            let found = tap.drain()
            try #require(found.count == 1)
            #expect(found[0].payload == payload)
            #expect(found[0].record.instant == Self.instant(round))
        }
    }

    @Test func `a record stays when its reader throws`() throws {
        struct Failure: Error {}
        let source = Source()
        let tap = try Listener(source.point, .audio)
        source.write(.callerAudio, at: 1, [5])
        #expect(throws: Failure.self) { try tap.next { _, _ in throw Failure() } }
        #expect(tap.payloads() == [[5]])
    }

    @Test func `a tap reports the writer's end once it has read everything`() throws {
        let source = Source()
        let tap = try Listener(source.point, .audio)
        source.write(.callerAudio, at: 1, [5])
        #expect(!tap.isEnded)
        source.end()
        #expect(!tap.isEnded)
        #expect(tap.payloads() == [[5]])
        #expect(tap.isEnded)
        #expect(throws: TapError.ended) { try Listener(source.point, .audio) }
    }

    @Test func `a detached tap makes room for another and gets no more records`() throws {
        let source = Source()
        for _ in 0..<3 {
            var held: [Listener] = []
            for _ in 0..<TapPoint.limit { held.append(try Listener(source.point, .audio)) }
            #expect(throws: TapError.tooMany(limit: TapPoint.limit)) { try Listener(source.point, .audio) }
            source.write(.callerAudio, at: 0, [1])
            #expect(held.allSatisfy { $0.payloads() == [[1]] })
            held.remove(at: 5)
            #expect(source.point.count == TapPoint.limit - 1)
            let late = try Listener(source.point, TapKinds(.toAgent))
            source.write(.toAgent, at: 0, [2])
            #expect(late.payloads() == [[2]])
            #expect(held.allSatisfy { $0.payloads().isEmpty })
        }
        #expect(source.point.count == 0)
        #expect(!source.wants(.callerAudio))
    }

    /// The writer is in the slots at every check, but each time in another write.
    @Test func `a ring detached during one write is freed during the next`() throws {
        let pool = TapPool(limit: 1)
        let source = Source(pool: pool)
        for write in 0..<UInt64(3 * TapPoint.limit) {
            source.point.turn.store(write * 2 + 1, ordering: .sequentiallyConsistent)
            let tap = try Listener(source.point, .audio)
            #expect(tap.readable == 0)
        }
        // Only a later turn would show that the last of these writes is over.
        #expect(pool.count == 0)
        source.point.turn.store(0, ordering: .sequentiallyConsistent)
        _ = try Listener(source.point, .audio)
        #expect(pool.count == 1)
    }

    @Test(arguments: [(Int.min, 1024), (0, 1024), (1025, 2048), (Int.max, 64 << 20)])
    func `the capacity is clamped to its bounds`(asked: Int, got: Int) throws {
        let source = Source()
        let tap = try Listener(source.point, .audio, capacity: asked)
        #expect(tap.capacity == got)
    }

    // MARK: Memory

    /// The ring is left full, or drained after every record or after several: 185 bytes a record, in a ring of 4096
    /// bytes that may return to its front after 2048.
    @Test(arguments: [0, 1, 9, 13, 17])
    func `a ring from the pool holds nothing of its former call`(drainedEvery: Int) throws {
        let pool = TapPool(limit: 1)
        let first = Source(pool: pool)
        var tap: Listener? = try Listener(first.point, .audio, capacity: 4096)
        for number in 1...100 {
            first.write(.callerAudio, at: number, [UInt8](repeating: 0xA5, count: 160))
            if drainedEvery > 0, number % drainedEvery == 0 { _ = tap?.drain() }
        }
        #expect((tap?.readable ?? 0 > 3000) == (drainedEvery == 0))
        tap = nil
        #expect(pool.count == 1)
        // Takes the same memory that the next call would get.
        let storage = pool.take(minimumCapacity: 4096)
        #expect(pool.count == 0)
        #expect(UnsafeRawBufferPointer(start: storage.bytes, count: storage.capacity).allSatisfy { $0 == 0 })
        pool.giveBack(storage, used: 0)

        let second = Source(pool: pool)
        let other = try Listener(second.point, .audio, capacity: 4096)
        #expect(pool.count == 0)
        #expect(other.readable == 0)
        #expect(other.payloads().isEmpty)
        second.write(.callerAudio, at: 7, [1])
        let found = other.drain()
        #expect(found.map(\.payload) == [[1]])
        #expect(found.first?.record.lostRecords == 0)
    }

    /// Erasing leaves untouched memory alone, so that capacity that was only asked for costs nothing.
    @Test func `only the memory that was written to is erased`() {
        let ring = ByteRing.Storage(minimumCapacity: 65_536)
        let writer = Halves(ring)
        #expect(writer.producer.used == 0)
        // Behind the bytes that are initialised when the ring is made.
        let mark = ring.bytes + 40_000
        mark.storeBytes(of: 0x77, as: UInt8.self)
        for _ in 0..<30 {
            writer.write(1000)
            writer.readAll()
        }
        // Three records exceed the stretch after which an empty ring returns to its front.
        #expect(writer.producer.used == 3000)
        writer.write(20_000)
        writer.readAll()
        writer.write(10)
        #expect(writer.producer.used == 20_000)
        ring.clear(used: writer.producer.used)
        #expect(UnsafeRawBufferPointer(start: ring.bytes, count: 20_000).allSatisfy { $0 == 0 })
        #expect(mark.load(as: UInt8.self) == 0x77)
    }

    @Test func `a ring that wrapped around is erased as a whole`() {
        let ring = ByteRing.Storage(minimumCapacity: 16_384)
        let writer = Halves(ring)
        writer.write(10_000)
        writer.readAll()
        // Returns to the front here, and is never empty from then on.
        for _ in 0..<3 {
            writer.write(10_000)
            writer.read(9000)
        }
        #expect(writer.producer.used == 16_384)
        ring.clear(used: writer.producer.used)
        #expect(UnsafeRawBufferPointer(start: ring.bytes, count: 16_384).allSatisfy { $0 == 0 })
    }

    private final class Halves {
        var producer: ByteRing.Producer
        var consumer: ByteRing.Consumer

        init(_ storage: ByteRing.Storage) {
            producer = ByteRing.Producer(storage)
            consumer = ByteRing.Consumer(storage)
        }

        func write(_ count: Int) { _ = producer.write([UInt8](repeating: 0xA5, count: count).span.bytes) }
        func read(_ count: Int) { consumer.skip(count) }
        func readAll() { consumer.skipAll() }
    }

    @Test func `the pool returns no ring of twice the size and keeps no more than its limit`() {
        let pool = TapPool(limit: 2)
        let rings = [1024, 1 << 20, 4096].map { ByteRing.Storage(minimumCapacity: $0) }
        for ring in rings { pool.giveBack(ring, used: 0) }
        #expect(pool.count == 2)
        #expect(pool.take(minimumCapacity: 2000).capacity == 2048)
        #expect(pool.take(minimumCapacity: 600_000) === rings[1])
        #expect(pool.take(minimumCapacity: 1000) === rings[0])
        #expect(pool.count == 0)
    }

    // MARK: Threads

    /// A writer that never stops, and taps that come and go. Each tap sees the numbers in order, and every missing
    /// number is reported as lost exactly where it is missing.
    @Test func `taps that come and go while the writer runs miss nothing unreported`() async throws {
        let pool = TapPool(limit: 4)
        let source = Source(pool: pool)
        let stop = Stop()
        async let written = OwnThread.run { Self.writeNumbers(source, until: stop) }
        let accounts = await withTaskGroup(of: Account.self) { group in
            for reader in 0..<3 {
                group.addTask {
                    await OwnThread.run { Self.listenAgainAndAgain(to: source.point, rounds: 300, reader: reader) }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        stop.isSet.store(true, ordering: .releasing)
        #expect(await written > 0)
        #expect(accounts.allSatisfy { $0.faults == 0 })
        #expect(accounts.allSatisfy { $0.read > 0 })
        #expect(source.point.count == 0)
    }

    /// One tap from the first record to the last: records read plus records lost are all records written.
    @Test func `records read and records lost add up to the records written`() async throws {
        let source = Source()
        let tap = try Listener(source.point, .audio, capacity: 2048)
        async let written = OwnThread.run {
            for number in 0..<50_000 as Range<UInt64> {
                source.write(number)
                if number % 16 == 0 { OwnThread.yield() }
            }
            source.end()
            return 50_000 as UInt64
        }
        let account = await OwnThread.run {
            var account = Account()
            while !tap.isEnded {
                account.read(tap)
                OwnThread.yield()
            }
            return account
        }
        #expect(account.faults == 0)
        let dropped = tap.droppedRecords
        #expect(await written == account.read + dropped)
        // No later record reports the last losses, so only the tap's own count has them.
        #expect(account.next + dropped - account.lost == 50_000)
    }

    private final class Stop: Sendable {
        let isSet = Atomic(false)
    }

    private struct Account: Sendable {
        var read: UInt64 = 0
        var lost: UInt64 = 0
        var faults = 0
        /// The number after the last one read.
        var next: UInt64 = 0
        var isFresh = true

        mutating func read(_ tap: Listener) {
            while readOne(tap) {}
        }

        mutating func readOne(_ tap: Listener) -> Bool {
            tap.next { record, payload in check(record, payload) } != nil
        }

        /// Plain accesses, which the thread sanitizer checks.
        private static func areAll(_ bytes: UnsafeRawBufferPointer, _ value: UInt8, _ count: Int) -> Bool {
            guard bytes.count == count, let start = bytes.baseAddress else { return count == 0 }
            let values = start.assumingMemoryBound(to: UInt8.self)
            for index in 0..<count where values[index] != value { return false }
            return true
        }

        private mutating func check(_ record: TapRecord, _ payload: RawSpan) {
            let number = UInt64(record.instant.nanoseconds)
            let isExpected = isFresh ? record.lostRecords == 0 : number == next + UInt64(record.lostRecords)
            let isIntact = payload.withUnsafeBytes {
                Self.areAll($0, UInt8(truncatingIfNeeded: number), Int(number % 97))
            }
            if !isExpected || !isIntact { faults += 1 }
            read += 1
            lost += UInt64(record.lostRecords)
            next = number + 1
            isFresh = false
        }
    }

    private static func writeNumbers(_ writer: Source, until stop: Stop) -> UInt64 {
        var number: UInt64 = 0
        while !stop.isSet.load(ordering: .acquiring) {
            writer.write(number)
            number += 1
            if number % 64 == 0 { OwnThread.yield() }
        }
        writer.end()
        return number
    }

    /// Detaches during the writer's writes: sometimes with a full ring, sometimes right away.
    private static func listenAgainAndAgain(to point: TapPoint, rounds: Int, reader: Int) -> Account {
        var total = Account()
        for round in 0..<rounds {
            guard let tap = try? Listener(point, .audio, capacity: 1024 << (round % 3)) else {
                total.faults += 1
                continue
            }
            var account = Account()
            let wanted = UInt64(round % 4 * (20 + reader))
            while account.read < wanted {
                if !account.readOne(tap) { OwnThread.yield() }
            }
            total.read += account.read
            total.faults += account.faults
        }
        return total
    }
}
