import Foundation

/// Converts recordings of any rate to the telephone's.
enum TelephoneRate {
    private static let rate = 8000
    /// The zero crossings of the filter on each side.
    private static let reach = 16.0

    /// - Returns: the samples at 8 kHz, without what lies above 3.6 kHz.
    static func converted(_ samples: [Int16], from source: Int) -> [Int16] {
        guard source != rate, source > 0, !samples.isEmpty else { return samples }
        let step = Double(source) / Double(rate)
        let cutoff = min(1, 1 / step) * 0.9
        let width = Int(reach / cutoff)
        return (0..<Int(Double(samples.count) / step)).map { number in
            let centre = Double(number) * step
            let first = Int(centre) - width
            var sum = 0.0
            for place in max(0, first)...max(0, min(samples.count - 1, Int(centre) + width)) {
                let distance = (Double(place) - centre) * cutoff
                let window = 0.5 + 0.5 * cos(.pi * min(1, abs(distance) / reach))
                let sinc = abs(distance) < 1e-9 ? 1 : sin(.pi * distance) / (.pi * distance)
                sum += Double(samples[place]) * sinc * window * cutoff
            }
            return Int16(max(-32768, min(32767, sum.rounded())))
        }
    }
}
