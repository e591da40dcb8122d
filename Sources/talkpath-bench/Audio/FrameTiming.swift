import TalkpathAudio

/// The time for a 20 ms frame, in nanoseconds.
struct FrameTiming: Sendable {
    var median: Double
    var minimum: Double
}

/// Work on a 20 ms frame that can be repeated.
protocol FrameWork: AnyObject {
    func run(frames: Int) throws
}

extension FrameTiming {
    /// Measures all works in turn, a millisecond at a time, so that other load on the machine affects all of them
    /// alike.
    static func measure(_ works: [any FrameWork], rounds: Int) throws -> [FrameTiming] {
        let clock = ContinuousClock()
        let batches = try works.map { work in
            // The first run warms the caches. The second shows how many frames take a millisecond.
            try work.run(frames: 1)
            let once = try clock.measure { try work.run(frames: 3) } / 3
            return max(1, Int(1_000_000 / max(1, once.wholeNanoseconds)))
        }
        var times = [[Double]](repeating: [], count: works.count)
        for _ in 0..<rounds {
            for (index, work) in works.enumerated() {
                let time = try clock.measure { try work.run(frames: batches[index]) }
                times[index].append(Double(time.wholeNanoseconds) / Double(batches[index]))
            }
        }
        return times.map { times in
            let sorted = times.sorted()
            return FrameTiming(median: sorted[sorted.count / 2], minimum: sorted[0])
        }
    }
}

/// Resamples a frame of noise.
final class ResamplingWork: FrameWork {
    private var resampler: StreamResampler
    private let input: FrameBuffer<Int16>
    private let output: FrameBuffer<Int16>

    init(from: Int, to: Int, engine: ResamplerEngine, instructions: InstructionSet) throws {
        resampler = try StreamResampler(from: from, to: to, engine: engine, instructions: instructions)
        input = FrameBuffer(NoiseFrame.samples(count: from / 50))
        output = FrameBuffer(repeating: 0, count: resampler.maximumOutputCount(for: from / 50))
    }

    func run(frames: Int) throws {
        let (source, memory) = (input.memory, output.memory)
        for _ in 0..<frames {
            var target = memory.mutableSpan
            try resampler.process(source.span, into: &target)
        }
    }
}

/// Encodes or decodes a frame of G.711 in one block.
final class CompandingWork: FrameWork {
    enum Direction: String, CaseIterable {
        case encodeMuLaw = "mu-law encode"
        case decodeMuLaw = "mu-law decode"
        case encodeALaw = "A-law encode"
        case decodeALaw = "A-law decode"
    }

    private let direction: Direction
    private let instructions: InstructionSet
    private let samples = FrameBuffer(NoiseFrame.samples(count: 160))
    private let codes = FrameBuffer<UInt8>(repeating: 0, count: 160)

    init(_ direction: Direction, instructions: InstructionSet) {
        self.direction = direction
        self.instructions = instructions
    }

    func run(frames: Int) {
        let (samples, codes) = (samples.memory, codes.memory)
        for _ in 0..<frames {
            var codeTarget = codes.mutableSpan
            var sampleTarget = samples.mutableSpan
            switch direction {
            case .encodeMuLaw: MuLaw.encode(samples.span, into: &codeTarget, instructions: instructions)
            case .decodeMuLaw: MuLaw.decode(codes.span.bytes, into: &sampleTarget, instructions: instructions)
            case .encodeALaw: ALaw.encode(samples.span, into: &codeTarget, instructions: instructions)
            case .decodeALaw: ALaw.decode(codes.span.bytes, into: &sampleTarget, instructions: instructions)
            }
        }
    }
}

/// Converts a call's frame in both directions: mu-law to 24 kHz, and 24 kHz to mu-law.
final class TwoWayWork: FrameWork {
    private var up: Resampler
    private var down: Resampler
    private let instructions: InstructionSet
    private let codes = FrameBuffer<UInt8>(repeating: 0, count: 160)
    private let narrow = FrameBuffer(NoiseFrame.samples(count: 160))
    private let wide = FrameBuffer(NoiseFrame.samples(count: 480))

    init(instructions: InstructionSet) throws {
        up = try Resampler(from: 8000, to: 24000, instructions: instructions)
        down = try Resampler(from: 24000, to: 8000, instructions: instructions)
        self.instructions = instructions
    }

    func run(frames: Int) throws {
        let (codes, narrow, wide) = (codes.memory, narrow.memory, wide.memory)
        for _ in 0..<frames {
            var codeTarget = codes.mutableSpan
            var narrowTarget = narrow.mutableSpan
            var wideTarget = wide.mutableSpan
            MuLaw.decode(codes.span.bytes, into: &narrowTarget, instructions: instructions)
            try up.process(narrow.span, into: &wideTarget)
            try down.process(wide.span, into: &narrowTarget)
            MuLaw.encode(narrow.span, into: &codeTarget, instructions: instructions)
        }
    }
}

/// Memory at a fixed address, for an object that uses it repeatedly.
final class FrameBuffer<Element: BitwiseCopyable> {
    let memory: UnsafeMutableBufferPointer<Element>

    init(repeating value: Element, count: Int) {
        memory = .allocate(capacity: count)
        memory.initialize(repeating: value)
    }

    convenience init(_ elements: [Element]) {
        self.init(repeating: elements[0], count: elements.count)
        _ = memory.update(fromContentsOf: elements)
    }

    deinit {
        // Safety: `init` allocated the memory, and spans over it exist inside `run` only.
        memory.deallocate()
    }
}

enum NoiseFrame {
    /// Samples without a pattern, the same at every call.
    static func samples(count: Int) -> [Int16] {
        var state: UInt32 = 1
        return (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Int16(truncatingIfNeeded: Int32(bitPattern: state) >> 17)
        }
    }
}
