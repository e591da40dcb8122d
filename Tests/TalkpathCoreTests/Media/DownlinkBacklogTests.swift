import TalkpathAudio
import TalkpathSimulation
import TalkpathWire
import Testing

@testable import TalkpathCore

struct DownlinkBacklogTests {
    private func take(_ count: Int, _ backlog: inout DownlinkBacklog) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        bytes.withUnsafeMutableBytes { backlog.take(count, into: $0) }
        return bytes
    }

    @Test func `bytes come out in order across chunks, item by item`() {
        var random = SplitMix64(seed: 1)
        var backlog = DownlinkBacklog(limit: 1_000_000)
        var expected: [Int: [UInt8]] = [:]
        for item in 0..<20 {
            for _ in 0..<5 {
                let audio = [UInt8].counting(Int(random.next() % 9000), from: item)
                #expect(backlog.append(audio.span.bytes, of: AgentItem(index: item)) == audio.count)
                expected[item, default: []] += audio
            }
            backlog.complete(AgentItem(index: item))
        }
        var got: [Int: [UInt8]] = [:]
        while let front = backlog.front {
            let count = min(front.bytes, 1 + Int(random.next() % 5000))
            got[front.item.index, default: []] += take(count, &backlog)
        }
        #expect(got == expected)
        #expect(backlog.isEmpty == true)
    }

    @Test func `bytes beyond the capacity are refused`() {
        var backlog = DownlinkBacklog(limit: 10_000)
        let audio = [UInt8].counting(8000)
        #expect(backlog.append(audio.span.bytes, of: AgentItem(index: 0)) == 8000)
        #expect(backlog.append(audio.span.bytes, of: AgentItem(index: 1)) == 2000)
        #expect(backlog.append(audio.span.bytes, of: AgentItem(index: 1)) == 0)
        #expect(backlog.byteCount == 10_000)
        #expect(take(8000, &backlog) == audio)
        #expect(take(2000, &backlog) == Array(audio.prefix(2000)))
        #expect(backlog.append(audio.span.bytes, of: AgentItem(index: 2)) == 8000)
    }

    @Test func `a reset leaves no bytes behind`() {
        var backlog = DownlinkBacklog(limit: 100_000)
        let audio = [UInt8].counting(5000)
        for _ in 0..<10 {
            _ = backlog.append(audio.span.bytes, of: AgentItem(index: 0))
            _ = take(100, &backlog)
            backlog.removeAll()
            #expect(backlog.byteCount == 0)
            #expect(backlog.front?.bytes == nil)
        }
        _ = backlog.append(audio.span.bytes, of: AgentItem(index: 1))
        #expect(take(5000, &backlog) == audio)
    }

    @Test func `audio after the end of its item is a new run`() {
        var backlog = DownlinkBacklog(limit: 1000)
        _ = backlog.append(([1, 2] as [UInt8]).span.bytes, of: AgentItem(index: 0))
        backlog.complete(AgentItem(index: 0))
        _ = backlog.append(([3] as [UInt8]).span.bytes, of: AgentItem(index: 0))
        #expect(backlog.front?.bytes == 2)
        #expect(backlog.front?.isComplete == true)
    }
}

struct FIFOTests {
    @Test func `the order stays for random sequences of operations`() {
        var random = SplitMix64(seed: 9)
        var queue = FIFO<Int>()
        var model: [Int] = []
        for step in 0..<20_000 {
            if random.next() % 100 < (step / 2000 % 2 == 0 ? 60 : 40) {
                queue.append(step)
                model.append(step)
            } else {
                #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
            }
            #expect(queue.count == model.count && queue.first == model.first && queue.last == model.last)
        }
        #expect(queue.elements == model)
        queue.removeAll()
        #expect(queue.isEmpty && queue.popFirst() == nil)
    }
}
