import TalkpathAudio

extension HotPath {
    /// A frame into a ring and out again, on one thread; and one offered to taps, which two of them read.
    static let rings: [HotPath] = [
        HotPath("ring, a frame in and out") {
            let ring = Box(ByteRing(minimumCapacity: 80_000))
            let frame = memory([UInt8](repeating: 0x5A, count: 160))
            return {
                _ = ring.value.producer.write(frame.span.bytes)
                var target = frame.mutableSpan
                _ = ring.value.consumer.read(into: &target)
            }
        },
        HotPath("taps, nobody listens") {
            let taps = Box(TapSet())
            let frame = memory([UInt8](repeating: 0x5A, count: 160))
            return { taps.value.writer.write(.callerAudio, at: .init(nanoseconds: 0), frame.span.bytes) }
        },
        HotPath("taps, two read a frame") {
            let taps = Box(TapSet())
            let one = Box(try taps.value.point.attach(.audio, minimumCapacity: 65_536))
            let two = Box(try taps.value.point.attach(.everything, minimumCapacity: 65_536))
            let frame = memory([UInt8](repeating: 0x5A, count: 160))
            let work = {
                taps.value.writer.write(.callerAudio, at: .init(nanoseconds: 0), frame.span.bytes)
                _ = one.value.next { record, _ in record.byteCount }
                _ = two.value.next { record, _ in record.byteCount }
            }
            // A reader makes room for a record that wraps around when it meets the first few: once around the ring.
            for _ in 0..<2000 { work() }
            return work
        },
        HotPath("taps, one is full") {
            let taps = Box(TapSet())
            let full = Box(try taps.value.point.attach(.audio, minimumCapacity: 1024))
            let frame = memory([UInt8](repeating: 0x5A, count: 160))
            return {
                taps.value.writer.write(.callerAudio, at: .init(nanoseconds: 0), frame.span.bytes)
                _ = full.value.dropped
            }
        },
    ]
}
