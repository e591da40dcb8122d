/// Resamples by `up`/`down` with one FIR prototype filter at the common rate.
///
/// The input is dealt out to `down` streams of every `down`-th sample. So the sample that one output needs from a
/// stream lies next to the one that the output `up` places later needs. That lets the kernel compute eight outputs of
/// one residue class (equal modulo `up`) at once. Every lane does the same operations in the same order, so the result
/// does not depend on how the input was cut.
///
/// Output `n` stands for the common rate's instant `n·down + down − 1`: the newest one that its inputs reach.
struct PolyphaseFilter: ~Copyable, @unchecked Sendable {
    // Unchecked: this noncopyable value alone owns the pointers, and they move with it.
    let up: Int
    let down: Int
    let tapCount: Int
    let instructions: InstructionSet

    /// Groups (of `down` inputs and `up` outputs) in one block: a 20 ms frame at 8 kHz.
    private static let blockGroups = 160
    /// Spare floats behind the end of every row: one step of the kernel computes so many lanes.
    private static let slack = 32

    /// Taps of each residue class, padded with zeros to the same number.
    private let classTaps: Int
    /// Groups of past input that the filter reaches back.
    private let history: Int
    private let streamStride: Int
    private let planeStride: Int

    /// `up` × `classTaps` coefficients, and for each the place of its input relative to the output's group.
    private let coefficients: UnsafeMutablePointer<Float>
    private let offsets: UnsafeMutablePointer<Int>
    /// `down` rows: `history` old samples each, then the block's.
    private let streams: UnsafeMutablePointer<Float>
    /// `up` rows: the block's outputs by residue class.
    private let planes: UnsafeMutablePointer<Float>

    /// Inputs of the current, incomplete group; below `down`.
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
                // Inserting zeros between the inputs divides the gain by `up`; the coefficients restore it.
                coefficients[index] = place < prototype.count ? prototype[place] * Float(up) : 0
                // A padding tap reads the same sample as its neighbour, which is certain to exist.
                let age = newest - min(tap, (prototype.count - 1 - phase) / up)
                let group = age >= 0 ? age / down : -((-age + down - 1) / down)
                offsets[index] = (age - group * down) * streamStride + group
            }
        }
    }

    deinit {
        // Safety: allocated in `init`, and no other code holds these pointers; floats and integers need no
        // deinitialisation.
        coefficients.deallocate()
        offsets.deallocate()
        streams.deallocate()
        planes.deallocate()
    }

    /// The signal's delay in samples of the common rate: half the filter's length, less `down - 1`, because an output
    /// stands for the last instant of its inputs.
    var delay: Double { Double((tapCount - 1) / 2 - (down - 1)) }

    /// Silent inputs after which the filter holds nothing of the signal.
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
                // Safety: the caller's buffer has room for the outputs of all inputs.
                output = target + (endOutput - firstOutput)
            }
            forget(count)
            input += count
            left -= count
        }
    }

    /// Writes the inputs to their streams, after the history.
    private func deal(_ input: UnsafePointer<Int16>, count: Int) {
        // Safety: groupFill + count <= blockGroups * down, so the last group lies inside its row, before the slack. The
        // vector forms write fewer than eight samples beyond it, into the slack.
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
                // Safety: the offsets reach back at most `history` groups and forward to the group itself. The kernel
                // reads and writes fewer than `slack` lanes beyond the end, and every row has that slack.
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

    /// Moves the history and the incomplete group to the front of the rows.
    private mutating func forget(_ count: Int) {
        let (groups, fill) = (groupFill + count).quotientAndRemainder(dividingBy: down)
        groupFill = fill
        guard groups > 0 else { return }
        var stream = 0
        while stream < down {
            let row = streams + stream * streamStride
            // Safety: groups <= blockGroups, so history + 1 samples from there on lie inside the row.
            row.update(from: row + groups, count: history + 1)
            stream += 1
        }
    }
}
