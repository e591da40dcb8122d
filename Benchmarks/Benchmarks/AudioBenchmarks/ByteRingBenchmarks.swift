import Benchmark
import TalkpathAudio

/// A frame into the ring and out again, on one thread.
func byteRingBenchmarks() {
    Benchmark(frames: "ring, a frame in and out") {
        let ring = Box(ByteRing(minimumCapacity: 80_000))
        let frame = memory([UInt8](repeating: 0x5A, count: 160))
        return {
            _ = ring.value.producer.write(frame.span.bytes)
            var target = frame.mutableSpan
            _ = ring.value.consumer.read(into: &target)
        }
    }
}
