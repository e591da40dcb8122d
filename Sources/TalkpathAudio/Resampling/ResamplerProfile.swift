/// The share of the band that a resampler keeps, which decides its latency.
///
/// The edges below are for a lower rate of 8 kHz and scale with it. The signal passes up to the first edge (ripple at
/// most 0.05 dB). From the second edge on, images and aliases are damped by at least 98 dB.
public enum ResamplerProfile: String, Sendable, Hashable, CaseIterable {
    /// 3.4 → 4.6 kHz, at most 1.8 ms of latency. Aliases between 3.4 and 4.6 kHz lie outside the telephone band.
    case telephone
    /// 3.6 → 4.4 kHz, 2.7 ms of latency.
    case wide
    /// 3.4 → 4.0 kHz, 3.6 ms of latency: nothing folds back at all.
    case strict

    /// End of the pass-band as a fraction of the lower rate.
    package var passEdge: Double {
        switch self {
        case .telephone, .strict: 0.425
        case .wide: 0.45
        }
    }

    /// Beginning of the stop-band as a fraction of the lower rate.
    package var stopEdge: Double {
        switch self {
        case .telephone: 0.575
        case .wide: 0.55
        case .strict: 0.5
        }
    }
}
