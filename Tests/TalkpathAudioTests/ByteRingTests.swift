import Synchronization
import TalkpathAudio
import Testing

@Suite struct ByteRingTests {
    @Test func halvesMoveToTheirOwners() {
        final class Writer {
            var producer: ByteRing.Producer
            init(_ p: consuming ByteRing.Producer) { producer = p }
        }
        let ring = ByteRing(minimumCapacity: 100)
        let writer = Writer(ring.producer)
        var consumer = ring.consumer
        #expect(writer.producer.write(([1, 2, 3] as [UInt8]).span.bytes) == 3)
        #expect(consumer.readable == 3)
        consumer.skip(1)
    }
}
