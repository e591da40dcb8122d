/// Resampling by `up`/`down` with one FIR prototype at the common rate.
///
/// The input is dealt out to `down` streams of every `down`-th sample, so that what one output needs of a stream, and
/// what the output `up` places later needs of it, are neighbours. So eight outputs of one residue class (equal modulo
/// `up`) are computed at once, each lane doing the same operations in the same order whatever lane it is: that makes
/// the result independent of how the input was cut.
///
/// Output `n` looks at the common rate's instant `n·down + down − 1`: the newest one that its inputs reach.
struct PolyphaseFilter: ~Copyable, @unchecked Sendable {
    // Unchecked: the pointers are owned by this noncopyable value alone and go wherever it goes.
    let up: Int
    let down: Int
    let tapCount: Int
    let instructions: InstructionSet

    /// Groups (of `down` inputs and `up` outputs) computed in one go: a 20 ms frame at 8 kHz.
    private static let blockGroups = 160
    /// Lanes computed in one step of the kernel; every row has that much room behind its end.
    private static let slack = 32

    /// Taps of each residue class, padded with zeros to the same number.
    private let classTaps: Int
    /// Groups of the past that the filter reaches back.
    private let history: Int
    private let streamStride: Int
    private let planeStride: Int

    /// `up` × `classTaps`, and where each tap finds its input, relative to the group of the output.
    private let coefficients: UnsafeMutablePointer<Float>
    private let offsets: UnsafeMutablePointer<Int>
    /// `down` rows: `history` old samples, then the block's.
    private let streams: UnsafeMutablePointer<Float>
    /// `up` rows: the block's outputs by residue class.
    private let planes: UnsafeMutablePointer<Float>

    /// Inputs of the current group so far, below `down`.
    private var groupFill = 0

    init(up: Int, down: Int, prototype: [Float], instructions: InstructionSet) {
        self.instructions = instructions.usable
        self.up = up
        self.down = down
        tapCount = prototype.count
        classTaps = (prototype.count + up - 1) / up
        history = (classTaps + down - 1) / down
        streamStride = history + Self.blockGroups + 1 + Self.slack
        planeStride = Self.blockGroups + 1 + Self.slack
        coefficients = .allocate(capacity: up * classTaps)
        offsets = .allocate(capacity: up * classTaps)
        streams = .allocate(capacity: down * streamStride)
        planes = .allocate(capacity: up * planeStride)
        coefficients.initialize(repeating: 0, count: up * classTaps)
        offsets.initialize(repeating: 0, count: up * classTaps)
        streams.initialize(repeating: 0, count: down * streamStride)
        planes.initialize(repeating: 0, count: up * planeStride)

        for residue in 0..<up {
            let (newest, phase) = (residue * down + down - 1).quotientAndRemainder(dividingBy: up)
            for tap in 0..<classTaps {
                let index = residue * classTaps + tap
                let place = phase + tap * up
                // Inserting zeros between the inputs costs a gain of `up`, given back here.
                coefficients[index] = place < prototype.count ? prototype[place] * Float(up) : 0
                // A padding tap reads what its neighbour reads, which is surely there.
                let age = newest - min(tap, (prototype.count - 1 - phase) / up)
                let group = age >= 0 ? age / down : -((-age + down - 1) / down)
                offsets[index] = (age - group * down) * streamStride + group
            }
        }
    }

    deinit {
        // Safety: allocated in `init`, known to nobody else; floats and integers need no deinitialisation.
        coefficients.deallocate()
        offsets.deallocate()
        streams.deallocate()
        planes.deallocate()
    }

    /// Samples of the common rate by which the signal is late. The outputs lie on the last instant of their inputs,
    /// which takes `down - 1` off the half length of the filter.
    var delay: Double { Double((tapCount - 1) / 2 - (down - 1)) }

    /// Inputs of silence after which nothing of the signal is left in the filter.
    var flushInputCount: Int { (tapCount + up - 1) / up }

    func outputCount(for inputCount: Int) -> Int {
        let inputCount = ResamplerLimits.counted(inputCount)
        return (groupFill + inputCount) * up / down - groupFill * up / down
    }

    func maximumOutputCount(for inputCount: Int) -> Int {
        (ResamplerLimits.counted(inputCount) * up + down - 1) / down
    }

    mutating func reset() {
        groupFill = 0
        streams.update(repeating: 0, count: down * streamStride)
    }

    /// - Parameter output: room for ``outputCount(for:)`` samples; may be `nil` if that is zero.
    mutating func process(_ input: UnsafePointer<Int16>, count: Int, into output: UnsafeMutablePointer<Int16>?) {
        var input = input
        var left = count
        var output = output
        while left > 0 {
            let count = min(left, Self.blockGroups * down - groupFill)
            let firstOutput = groupFill * up / down
            let endOutput = (groupFill + count) * up / down
            deal(input, count: count)
            if endOutput > firstOutput, let target = output {
                convolve(from: firstOutput, to: endOutput)
                collect(from: firstOutput, to: endOutput, into: target)
                // Safety: the caller's buffer holds the outputs of all inputs.
                output = target + (endOutput - firstOutput)
            }
            forget(count)
            input += count
            left -= count
        }
    }

    /// Writes the inputs to their streams, behind the history.
    private func deal(_ input: UnsafePointer<Int16>, count: Int) {
        // Safety: groupFill + count <= blockGroups * down, so that the last group lies inside its row, before the
        // slack; the vector forms write less than eight samples more, into the slack.
        let rows = streams + history
        if groupFill == 0, down <= 3, count.isMultiple(of: down) {
            return Kernels.widen(
                input,
                rows,
                stride: streamStride,
                rowCount: down,
                count: count / down,
                with: instructions
            )
        }
        var group = 0
        var stream = groupFill
        var index = 0
        while index < count {
            rows[stream * streamStride + group] = Float(input[index])
            index += 1
            stream += 1
            if stream == down {
                stream = 0
                group += 1
            }
        }
    }

    /// Computes the outputs `first..<end` of the block into their planes.
    private func convolve(from first: Int, to end: Int) {
        var residue = 0
        while residue < up {
            let firstGroup = (first - residue + up - 1) / up
            let endGroup = (end - residue + up - 1) / up
            if firstGroup < endGroup {
                // Safety: the offsets reach back `history` groups at most and forward to the group itself; the kernel
                // reads and writes less than `slack` lanes beyond the end, and every row has them.
                Kernels.convolve(
                    streams + history + firstGroup,
                    coefficients: coefficients + residue * classTaps,
                    offsets: offsets + residue * classTaps,
                    taps: classTaps,
                    into: planes + residue * planeStride + firstGroup,
                    count: endGroup - firstGroup,
                    with: instructions
                )
            }
            residue += 1
        }
    }

    /// Rounds the outputs and puts them in order.
    private func collect(from first: Int, to end: Int, into output: UnsafeMutablePointer<Int16>) {
        if first == 0, up <= 3, end.isMultiple(of: up) {
            return Kernels.narrow(
                planes,
                stride: planeStride,
                rowCount: up,
                output,
                count: end / up,
                with: instructions
            )
        }
        var group = first / up
        var residue = first % up
        var index = 0
        while index < end - first {
            output[index] = SampleKernel.narrow(planes[residue * planeStride + group])
            index += 1
            residue += 1
            if residue == up {
                residue = 0
                group += 1
            }
        }
    }

    /// Moves the history and the begun group to the front of the rows.
    private mutating func forget(_ count: Int) {
        let (groups, fill) = (groupFill + count).quotientAndRemainder(dividingBy: down)
        groupFill = fill
        guard groups > 0 else { return }
        var stream = 0
        while stream < down {
            let row = streams + stream * streamStride
            // Safety: groups <= blockGroups, so history + 1 samples from there on still lie inside the row.
            row.update(from: row + groups, count: history + 1)
            stream += 1
        }
    }
}
