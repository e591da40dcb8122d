/// Judges whether a signal arrived intact: its delay, its likeness to the reference, and the noise added to it.
///
/// For tests, demos and replay, not for the media path: it allocates, and ten seconds of audio cost some ten
/// milliseconds.
public enum AudioCorrelation {
    public struct Match: Sendable, Hashable {
        /// Samples by which `received` is later than `reference`; negative if it is earlier.
        public var lag: Int
        /// Normalised cross-correlation of the overlapping samples at that lag. 1: equal but for volume. −1: equal but
        /// for volume and inverted. 0: nothing in common.
        public var coefficient: Double

        public init(lag: Int, coefficient: Double) {
            self.lag = lag
            self.coefficient = coefficient
        }
    }

    /// Finds the lag at which `received` is most like `reference`.
    ///
    /// Judges only lags at which at least half of the shorter signal overlaps, because a few common samples correlate
    /// by chance. Returns lag 0 and coefficient 0 if there is no such lag.
    /// - Parameter maxLag: the largest lag to try, in samples; the range is `-maxLag` to `maxLag`.
    public static func bestLag(of reference: [Int16], in received: [Int16], maxLag: Int) -> Match {
        let shorter = min(reference.count, received.count)
        let needed = max(1, (shorter + 1) / 2)
        guard shorter > 0 else { return Match(lag: 0, coefficient: 0) }
        let lowest = max(-max(0, maxLag), needed - reference.count)
        let highest = min(max(0, maxLag), received.count - needed)
        guard lowest <= highest else { return Match(lag: 0, coefficient: 0) }

        let products = FourierTransform.crossCorrelation(reference, received, lags: lowest...highest)
        let referenceEnergy = runningEnergy(reference)
        let receivedEnergy = runningEnergy(received)
        var best = Match(lag: 0, coefficient: 0)
        for lag in lowest...highest {
            let begin = max(0, -lag)
            let end = min(reference.count, received.count - lag)
            guard end - begin >= needed else { continue }
            let energy =
                (referenceEnergy[end] - referenceEnergy[begin])
                * (receivedEnergy[end + lag] - receivedEnergy[begin + lag])
            guard energy > 0 else { continue }
            let coefficient = products[lag - lowest] / energy.squareRoot()
            if abs(coefficient) > abs(best.coefficient) {
                best = Match(lag: lag, coefficient: coefficient)
            }
        }
        return best
    }

    /// The ratio of signal to noise in dB, after aligning `received` to `reference` by whole samples and scaling it to
    /// the same volume. Infinite if both are then equal; negative if `received` holds more noise than signal.
    ///
    /// A delay by a fraction of a sample counts as noise, and so do frequencies that a filter removed.
    /// - Parameter maxLag: the largest lag to try, in samples.
    public static func snr(reference: [Int16], received: [Int16], maxLag: Int = 8000) -> Double {
        let lag = bestLag(of: reference, in: received, maxLag: maxLag).lag
        let begin = max(0, -lag)
        let end = min(reference.count, received.count - lag)
        guard begin < end else { return -.infinity }
        var signal = 0.0
        var product = 0.0
        var energy = 0.0
        for index in begin..<end {
            let sent = Double(reference[index])
            let got = Double(received[index + lag])
            signal += sent * sent
            product += sent * got
            energy += got * got
        }
        guard energy > 0, signal > 0 else { return -.infinity }
        let gain = product / energy
        var noise = 0.0
        for index in begin..<end {
            let difference = Double(reference[index]) - gain * Double(received[index + lag])
            noise += difference * difference
        }
        return noise > 0 ? decibels(power: signal / noise) : .infinity
    }

    /// For each index, the sum of the squares of all samples before it.
    private static func runningEnergy(_ samples: [Int16]) -> [Double] {
        var sum: Int64 = 0
        var sums: [Double] = []
        sums.reserveCapacity(samples.count + 1)
        sums.append(0)
        for sample in samples {
            sum += Int64(sample) * Int64(sample)
            sums.append(Double(sum))
        }
        return sums
    }
}
