/// A radix-2 fast Fourier transform in doubles, in place: just enough for correlations and spectra.
package enum FourierTransform {
    /// `|Σ samples[n] · exp(−2πi·k·n ÷ N)|²` for k from 0 to N ÷ 2.
    /// - Parameter samples: N of them, a power of two.
    package static func powerSpectrum(_ samples: [Double]) -> [Double] {
        precondition(samples.count.nonzeroBitCount == 1, "the length of a spectrum must be a power of two")
        return withUnsafeTemporaryAllocation(of: SIMD2<Double>.self, capacity: samples.count) { buffer in
            for (index, sample) in samples.enumerated() { buffer.initializeElement(at: index, to: SIMD2(sample, 0)) }
            transform(buffer)
            return (0...samples.count / 2).map { (buffer[$0] * buffer[$0]).sum() }
        }
    }

    /// `Σ reference[i] · received[i + lag]` for every lag of the range.
    static func crossCorrelation(_ reference: [Int16], _ received: [Int16], lags: ClosedRange<Int>) -> [Double] {
        // Lags wrap around at the transform's length, so the length must keep the requested lags clear of aliased ones.
        let needed = max(reference.count + lags.upperBound, received.count - lags.lowerBound)
        var length = 2
        while length < max(needed, reference.count, received.count) { length *= 2 }
        return withUnsafeTemporaryAllocation(of: SIMD2<Double>.self, capacity: length) { buffer in
            buffer.initialize(repeating: .zero)
            // Transforms two real signals in one complex transform: one is the real part, the other the imaginary part.
            for (index, sample) in reference.enumerated() { buffer[index].x = Double(sample) }
            for (index, sample) in received.enumerated() { buffer[index].y = Double(sample) }
            transform(buffer)
            multiplyConjugated(buffer)
            transform(buffer)
            // A forward transform in place of an inverse one yields the result backwards and `length` times too large.
            return lags.map { buffer[(-$0) & (length - 1)].x / Double(length) }
        }
    }

    /// Turns the spectrum of `a + i·b` into the spectrum of their correlation, `conj(A) · B`.
    private static func multiplyConjugated(_ spectrum: UnsafeMutableBufferPointer<SIMD2<Double>>) {
        let mask = spectrum.count - 1
        var index = 0
        while index <= spectrum.count / 2 {
            let mirror = (spectrum.count - index) & mask
            let one = spectrum[index]
            let two = spectrum[mirror]
            let a = SIMD2(one.x + two.x, one.y - two.y) / 2
            let b = SIMD2(one.y + two.y, two.x - one.x) / 2
            let product = SIMD2(a.x * b.x + a.y * b.y, a.x * b.y - a.y * b.x)
            spectrum[index] = product
            spectrum[mirror] = SIMD2(product.x, -product.y)
            index += 1
        }
    }

    private static func transform(_ data: UnsafeMutableBufferPointer<SIMD2<Double>>) {
        let count = data.count
        guard let values = data.baseAddress, count > 1 else { return }
        let bits = count.trailingZeroBitCount
        for index in 0..<count {
            let mirror = Int(UInt(index).bitReversed >> UInt(UInt.bitWidth - bits))
            if mirror > index { data.swapAt(index, mirror) }
        }
        var half = 1
        while half < count {
            // Computes each factor once for all butterflies that use it.
            var phase = 0
            while phase < half {
                let angle = -Double.pi * Double(phase) / Double(half)
                let factor = SIMD2(cosine(angle), sine(angle))
                let turned = SIMD2(-factor.y, factor.x)
                var index = phase
                while index < count {
                    // Safety: index + half < count, because `index` runs through the lower halves of blocks only.
                    let upper = values[index + half]
                    let product = factor * upper.x + turned * upper.y
                    values[index + half] = values[index] - product
                    values[index] = values[index] + product
                    index += 2 * half
                }
                phase += 1
            }
            half *= 2
        }
    }
}

extension UInt {
    /// The bits in reverse order.
    fileprivate var bitReversed: UInt {
        var value = UInt64(self).byteSwapped
        value = (value >> 4) & 0x0F0F_0F0F_0F0F_0F0F | (value & 0x0F0F_0F0F_0F0F_0F0F) << 4
        value = (value >> 2) & 0x3333_3333_3333_3333 | (value & 0x3333_3333_3333_3333) << 2
        value = (value >> 1) & 0x5555_5555_5555_5555 | (value & 0x5555_5555_5555_5555) << 1
        return UInt(value)
    }
}
