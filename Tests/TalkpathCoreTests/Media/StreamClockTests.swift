import TalkpathSimulation
import Testing

@testable import TalkpathCore

/// The numbers of a message.
private struct Numbers {
    var sequence: UInt32
    var timestamp: UInt64?

    static func regular(_ index: Int) -> Numbers {
        Numbers(sequence: UInt32(index + 2), timestamp: UInt64(index * 20))
    }
}

/// Follows a stream of 20 ms frames; returns the accepted frames.
private func taken(_ stream: [Numbers], by clock: inout StreamClock) -> [Bool] {
    stream.map { clock.place(sequence: $0.sequence, timestamp: $0.timestamp, bytes: 160).isNew }
}

struct StreamClockTests {
    private var clock = StreamClock(bytesPerMillisecond: 8)

    @Test(arguments: [0, 1, 50, 60, 99, 150, 4000] as [Int], [UInt32.max, 4_000_000_000, 1000, 1])
    func `one wrong sequence number loses no audio`(position: Int, outlier: UInt32) {
        var clock = clock
        var stream = (0..<5000).map(Numbers.regular)
        stream[position].sequence = outlier
        let taken = taken(stream, by: &clock)
        #expect(taken.allSatisfy { $0 })
        #expect(clock.outliers <= 500)
    }

    @Test(arguments: [1, 3, 20, 60, 99, 150, 600, 4000], [true, false])
    func `a stream that begins anew is heard on`(length: Int, clockToo: Bool) {
        var clock = clock
        let first = (0..<length).map(Numbers.regular)
        let second = (0..<500).map { index in
            var numbers = Numbers.regular(index)
            if !clockToo { numbers.timestamp = UInt64((length + index) * 20) }
            return numbers
        }
        let taken = taken(first + second, by: &clock)
        #expect(taken.filter { !$0 }.count <= StreamClock.patience)
        #expect(taken.suffix(500 - StreamClock.patience).allSatisfy { $0 })
        if length >= 600 { #expect(clock.resynchronisations >= 1) }
    }

    @Test(arguments: [0, 1, 7]) func `numbers that stand still are ignored`(sequence: UInt32) {
        for timestamp in [nil, 0, 5000] as [UInt64?] {
            var clock = clock
            let stream = [Numbers](repeating: Numbers(sequence: sequence, timestamp: timestamp), count: 500)
            let taken = taken(stream, by: &clock)
            #expect(taken.filter { !$0 }.count <= 2 * StreamClock.patience)
        }
    }

    @Test func `numbers that move again are used again`() {
        var clock = clock
        let still = [Numbers](repeating: Numbers(sequence: 7, timestamp: 100), count: 100)
        _ = taken(still, by: &clock)
        let moving = (100..<200).map(Numbers.regular)
        #expect(taken(moving, by: &clock).allSatisfy { $0 })
        #expect(taken(Array(moving.suffix(5)), by: &clock) == [false, false, false, false, false])
    }

    @Test func `a repetition is dropped, by either of its numbers`() {
        for (hasSequence, hasTimestamp) in [(true, true), (true, false), (false, true)] {
            var clock = clock
            func numbers(_ index: Int) -> Numbers {
                let numbers = Numbers.regular(index)
                return Numbers(
                    sequence: hasSequence ? numbers.sequence : 0,
                    timestamp: hasTimestamp ? numbers.timestamp : nil
                )
            }
            _ = taken((0..<100).map(numbers), by: &clock)
            #expect(
                taken([99, 98, 99, 97, 100, 100, 101].map(numbers), by: &clock) == [
                    false, false, false, false, true, false, true,
                ]
            )
        }
    }

    /// The rule itself: for any number of wrong numbers, the caller is heard again after a few frames.
    @Test(arguments: 0..<200 as Range<UInt64>) func `with random outliers the caller stays audible`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var clock = clock
        let share = Int.random(in: 1...60, using: &random)
        var offset = (sequence: 0, time: 0)
        var refusedInARow = 0
        var longest = 0
        var count = 0
        for index in 0..<3000 {
            var numbers = Numbers(
                sequence: UInt32(clamping: index - offset.sequence + 2),
                timestamp: UInt64(clamping: (index - offset.time) * 20)
            )
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<share:
                if Bool.random(using: &random) { numbers.sequence = wildSequence(&random) }
                if Bool.random(using: &random) { numbers.timestamp = wildTimestamp(&random) }
            case 99 where Int.random(in: 0..<4, using: &random) == 0:
                // A restart of either number, or of both.
                if Bool.random(using: &random) { offset.sequence = index }
                if Bool.random(using: &random) { offset.time = index }
            default:
                break
            }
            let place = clock.place(sequence: numbers.sequence, timestamp: numbers.timestamp, bytes: 160)
            refusedInARow = place.isNew ? 0 : refusedInARow + 1
            longest = max(longest, refusedInARow)
            count += place.isNew ? 1 : 0
        }
        #expect(longest <= StreamClock.patience)
        // The numbers are right from here on.
        let settled: [Numbers] = (0..<40).map { index in
            Numbers(sequence: UInt32(9000 + index), timestamp: UInt64(900_000 + index * 20))
        }
        let end: [Bool] = taken(settled, by: &clock).suffix(40 - StreamClock.patience).map { $0 }
        #expect(!end.contains(false))
        #expect(count > 2000)
    }

    private func wildSequence(_ random: inout SplitMix64) -> UInt32 {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: 0
        case 1: 1
        case 2: 2
        case 3: .max
        case 4: UInt32.random(in: 0...UInt32.max, using: &random)
        default: UInt32.random(in: 0...5000, using: &random)
        }
    }

    private func wildTimestamp(_ random: inout SplitMix64) -> UInt64? {
        switch Int.random(in: 0..<7, using: &random) {
        case 0: nil
        case 1: 0
        case 2: 20
        case 3: .max
        case 4: 1 << 53
        case 5: UInt64.random(in: 0...UInt64.max, using: &random)
        default: UInt64.random(in: 0...90_000, using: &random)
        }
    }
}
