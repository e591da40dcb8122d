/// How much of the band a resampler keeps, and so how late it is.
///
/// Edges are told for a lower rate of 8 kHz and scale with it: up to the first edge the signal passes (ripple at most
/// 0.05 dB), from the second on images and aliases are at least 98 dB down.
public enum ResamplerProfile: String, Sendable, Hashable, CaseIterable {
    /// 3.4 → 4.6 kHz, at most 1.8 ms late. What folds back between 3.4 and 4.6 kHz lies outside the telephone band.
    case telephone
    /// 3.6 → 4.4 kHz, 2.7 ms late.
    case wide
    /// 3.4 → 4.0 kHz, 3.6 ms late: nothing folds back at all.
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
