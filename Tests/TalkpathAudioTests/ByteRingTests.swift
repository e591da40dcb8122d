import Synchronization
import TalkpathAudio
import Testing

@Suite struct ByteRingTests {
    /// Owns one half, as each side of a call does. Unchecked: a test gives each half to one task only.
    private final class Writer: @unchecked Sendable {
        var producer: ByteRing.Producer
        init(_ producer: consuming ByteRing.Producer) { self.producer = producer }
        func write(_ bytes: [UInt8]) -> Int { producer.write(bytes.span.bytes) }
    }

    private final class Reader: @unchecked Sendable {
        var consumer: ByteRing.Consumer
        init(_ consumer: consuming ByteRing.Consumer) { self.consumer = consumer }

        func read(_ count: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            var target = bytes.mutableSpan
            let read = consumer.read(into: &target)
            return Array(bytes.prefix(read))
        }
    }

    private func halves(_ capacity: Int) -> (Writer, Reader) {
        let ring = ByteRing(minimumCapacity: capacity)
        return (Writer(ring.producer), Reader(ring.consumer))
    }

    @Test(arguments: [(Int.min, 64), (0, 64), (64, 64), (65, 128), (80_000, 131_072), (Int.max, 1 << 30)])
    func `the capacity is the next power of two`(asked: Int, got: Int) {
        let ring = ByteRing(minimumCapacity: asked)
        #expect(ring.producer.capacity == got)
        #expect(ring.consumer.capacity == got)
    }

    @Test func `a full ring accepts what fits and accepts more once it is read`() {
        let (writer, reader) = halves(64)
        #expect(writer.write(Array(0..<60)) == 60)
        #expect(writer.write(Array(60..<80)) == 4)
        #expect(writer.write([1]) == 0)
        #expect(writer.producer.writable == 0)
        #expect(reader.read(10) == Array(0..<10))
        #expect(writer.producer.writable == 10)
        #expect(writer.write(Array(64..<80)) == 10)
        #expect(reader.read(100) == Array(10..<74))
        #expect(reader.read(100) == [])
        #expect(writer.producer.position == 74)
        #expect(writer.producer.consumedPosition == 74)
        #expect(reader.consumer.position == 74)
    }

    @Test func `bytes written across the end of the memory are lent in two spans`() {
        let (writer, reader) = halves(64)
        #expect(writer.write(Array(repeating: 0, count: 50)) == 50)
        #expect(reader.consumer.skip(50) == 50)
        #expect(writer.write(Array(0..<30)) == 30)
        let lent = reader.consumer.withReadableSpans { head, tail in
            head.withUnsafeBytes { Array($0) } + [255] + tail.withUnsafeBytes { Array($0) }
        }
        #expect(lent == Array(0..<14) + [255] + Array(14..<30))
        #expect(reader.consumer.readable == 30)
        #expect(reader.consumer.skipAll() == 30)
        #expect(reader.consumer.readable == 0)
    }

    /// The unread bytes, in place.
    private func waiting(_ reader: Reader) -> (bytes: [UInt8], first: UnsafeRawPointer?) {
        reader.consumer.withReadableSpans { head, tail in
            let first = head.withUnsafeBytes { $0.baseAddress }
            return (head.withUnsafeBytes { Array($0) } + tail.withUnsafeBytes { Array($0) }, first)
        }
    }

    @Test func `a large ring that is read promptly uses only the front of its memory`() {
        let (writer, reader) = halves(80_000)
        var places: Set<UnsafeRawPointer> = []
        for number in 0..<5000 {
            let frame = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 160)
            #expect(writer.write(frame) == 160)
            let (bytes, first) = waiting(reader)
            #expect(bytes == frame)
            if let first { places.insert(first) }
            #expect(reader.consumer.skip(160) == 160)
        }
        let span = places.max().map { $0 - (places.min() ?? $0) }
        #expect((span ?? .max) < 4096)
        #expect(writer.producer.position == 800_000 && reader.consumer.position == 800_000)
        #expect(writer.producer.writable == writer.producer.capacity)
    }

    /// Returning to the front must not overwrite unread bytes.
    @Test(arguments: [1, 160, 3000, 4096])
    func `a ring that is never empty wraps around and loses nothing`(left: Int) {
        let (writer, reader) = halves(4096)
        var (written, read) = (0, 0)
        func write(_ count: Int) {
            let bytes = (written..<written + count).map { Self.byte(at: $0) }
            written += writer.write(bytes)
        }
        write(left)
        for _ in 0..<200 {
            write(160)
            let count = written - read - left
            let bytes = reader.read(count)
            #expect(bytes == (read..<read + count).map { Self.byte(at: $0) })
            read += count
        }
        #expect(reader.read(4096) == (read..<written).map { Self.byte(at: $0) })
        // The ring is empty at last, so its whole capacity can be filled again from the front.
        read = written
        write(4096)
        #expect(reader.read(5000) == (read..<written).map { Self.byte(at: $0) })
        #expect(written - read == 4096)
    }

    @Test func `a ring with a pending flush does not count as empty`() {
        let (writer, reader) = halves(8192)
        #expect(writer.write([UInt8](repeating: 1, count: 5000)) == 5000)
        #expect(reader.read(2000).count == 2000)
        writer.producer.flush()
        #expect(writer.write([UInt8](repeating: 2, count: 3000)) == 3000)
        #expect(reader.read(8192) == [UInt8](repeating: 2, count: 3000))
        #expect(reader.consumer.flushedBytes == 3000)
        #expect(writer.write([UInt8](repeating: 3, count: 8192)) == 8192)
        #expect(reader.read(8192) == [UInt8](repeating: 3, count: 8192))
    }

    @Test func `a flush drops earlier bytes and keeps later ones`() {
        let (writer, reader) = halves(64)
        #expect(writer.write(Array(0..<40)) == 40)
        #expect(reader.read(10) == Array(0..<10))
        writer.producer.flush()
        #expect(writer.write(Array(100..<110)) == 10)
        #expect(reader.consumer.readable == 10)
        #expect(writer.producer.consumedPosition == 10)
        #expect(reader.read(64) == Array(100..<110))
        #expect(reader.consumer.flushedBytes == 30)
        #expect(writer.producer.consumedPosition == 50)
    }

    @Test(arguments: [1, 4, 63, 64])
    func `a flush empties the ring at the consumer's next access`(count: Int) {
        let (writer, reader) = halves(64)
        #expect(writer.write(Array(repeating: 1, count: count)) == count)
        writer.producer.flush()
        #expect(reader.consumer.readable == 0)
        let lent = reader.consumer.withReadableSpans { head, tail in head.byteCount + tail.byteCount }
        #expect(lent == 0)
        #expect(reader.consumer.flushedBytes == UInt64(count))
        #expect(writer.producer.writable == 64)
    }

    @Test func `a flush of an empty ring drops nothing`() {
        let (writer, reader) = halves(64)
        writer.producer.flush()
        #expect(writer.write([1, 2]) == 2)
        #expect(reader.read(2) == [1, 2])
        writer.producer.flush()
        #expect(reader.read(2) == [])
        #expect(reader.consumer.flushedBytes == 0)
    }

    @Test func `skipping lent bytes keeps the bytes written after a flush`() {
        let (writer, reader) = halves(64)
        #expect(writer.write(Array(0..<20)) == 20)
        let lent = reader.consumer.withReadableSpans { head, _ in head.byteCount }
        writer.producer.flush()
        #expect(writer.write(Array(50..<60)) == 10)
        #expect(reader.consumer.skip(lent) == 20)
        #expect(reader.read(64) == Array(50..<60))
        #expect(reader.consumer.flushedBytes == 0)
    }

    @Test func `a negative skip drops nothing`() {
        let (writer, reader) = halves(64)
        #expect(writer.write([1]) == 1)
        #expect(reader.consumer.skip(-1) == 0)
        #expect(reader.consumer.skip(5) == 1)
    }

    @Test func `a finished ring gives what was written before and is finished then`() {
        let (writer, reader) = halves(64)
        var seen = [reader.consumer.isFinished]
        #expect(writer.write([1, 2, 3]) == 3)
        writer.producer.finish()
        seen.append(reader.consumer.isFinished)
        #expect(reader.read(10) == [1, 2, 3])
        seen.append(reader.consumer.isFinished)
        #expect(seen == [false, false, true])
    }

    @Test func `a ring that is flushed and finished is finished at once`() {
        let (writer, reader) = halves(64)
        #expect(writer.write([1, 2, 3]) == 3)
        writer.producer.flush()
        writer.producer.finish()
        let isFinished = reader.consumer.isFinished
        #expect(isFinished)
    }

    @Test func `each half outlives the other`() {
        var (writer, reader): (Writer?, Reader?) = halves(64)
        #expect(writer?.write([7]) == 1)
        writer = nil
        #expect(reader?.read(1) == [7])
        reader = nil
    }

    /// Two threads, chunks of random length: every byte arrives once and in order. The larger ring is often empty after
    /// its first stretch, and then returns to its front.
    @Test(arguments: [1024, 8192])
    func `nothing is lost or reordered between two threads`(capacity: Int) async {
        let total = 1_000_000
        let (writer, reader) = halves(capacity)
        async let written = OwnThread.run { Self.write(total, to: writer) }
        async let wrong = OwnThread.run { Self.readAll(total, from: reader) }
        #expect(await written == UInt64(total))
        #expect(await wrong == 0)
    }

    /// Two threads and flushes: the bytes read are in order, and read plus flushed bytes add up to the bytes written.
    @Test(arguments: [256, 8192])
    func `flushes between two threads lose nothing that is not counted`(capacity: Int) async {
        let rounds = 20_000
        let (writer, reader) = halves(capacity)
        async let written = OwnThread.run { Self.writeAndFlush(rounds, to: writer) }
        async let account = OwnThread.run { Self.readInOrder(until: Self.endMark, from: reader) }
        let (read, flushed, isInOrder) = await account
        #expect(await written == read + flushed)
        #expect(isInOrder)
    }

    /// Ends the stream of the test above; its numbers are smaller.
    private static let endMark = UInt32.max

    private static func byte(at position: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: position &* 31 &+ position >> 8)
    }

    private static func write(_ total: Int, to writer: Writer) -> UInt64 {
        var generator = SplitMix64(seed: 1)
        var sent = 0
        while sent < total {
            let count = min(Int.random(in: 1...700, using: &generator), total - sent)
            let chunk = (sent..<sent + count).map { byte(at: $0) }
            var offset = 0
            while offset < count {
                let accepted = writer.producer.write(chunk.span.bytes.extracting(offset..<count))
                offset += accepted
                if accepted == 0 { OwnThread.yield() }
            }
            sent += count
        }
        return writer.producer.position
    }

    private static func readAll(_ total: Int, from reader: Reader) -> Int {
        var generator = SplitMix64(seed: 2)
        var got = 0
        var wrong = 0
        while got < total {
            let wanted = Int.random(in: 1...600, using: &generator)
            let chunk = reader.read(wanted)
            let count = chunk.count
            for index in 0..<count where chunk[index] != byte(at: got + index) { wrong += 1 }
            got += count
            if count == 0 { OwnThread.yield() }
        }
        return wrong
    }

    /// Writes the numbers 0, 1, … as four bytes each, and flushes after every 37th.
    private static func writeAndFlush(_ rounds: Int, to writer: Writer) -> UInt64 {
        for number in Array(0..<UInt32(rounds)) + [endMark] {
            let bytes = (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
            // Writes all four bytes or none, because a flush must not cut a number.
            while writer.producer.writable < 4 { OwnThread.yield() }
            _ = writer.producer.write(bytes.span.bytes)
            if number % 37 == 0 { writer.producer.flush() }
            if number % 64 == 0 { OwnThread.yield() }
        }
        return writer.producer.position
    }

    private static func readInOrder(
        until end: UInt32,
        from reader: Reader
    ) -> (read: UInt64, flushed: UInt64, isInOrder: Bool) {
        var bytes: [UInt8] = [0, 0, 0, 0]
        var last: Int64 = -1
        var read: UInt64 = 0
        var isInOrder = true
        while last != Int64(end) {
            var target = bytes.mutableSpan
            let count = reader.consumer.read(into: &target)
            read += UInt64(count)
            guard count == 4 else {
                isInOrder = isInOrder && count == 0
                OwnThread.yield()
                continue
            }
            let number = Int64(bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
            isInOrder = isInOrder && number > last
            last = number
        }
        return (read, reader.consumer.flushedBytes, isInOrder)
    }
}
