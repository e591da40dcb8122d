import TalkpathAudio

/// The quality of an engine for one pair of rates, in the telephone band (300–3400 Hz).
struct EngineQuality {
    /// The result for one input tone.
    struct Tone {
        var frequency: Double
        /// The tone's level in the output; `nil` if the output's rate cannot hold the tone.
        var gain: Double?
        /// The level of its strongest image, or of its alias; `nil` if it has none.
        var folded: Double?
        /// Levels in the output's band, from 0 Hz to half the output rate: the strongest line of each cell.
        var cells: [Double]
    }

    var engine: ResamplerEngine
    var from: Int
    var to: Int
    /// The difference between the strongest and the weakest tone of the band, in dB.
    var ripple: Double
    /// The level at 3400 Hz relative to the level at 1 kHz, in dB.
    var edge: Double
    /// The level of a tone above its strongest image or alias, in dB. For a rising rate, the tones are those of the
    /// band; for a falling rate, those from 4600 Hz on, which fold back.
    var rejection: Double
    var latencyMilliseconds: Double
    /// The ratio for a tone of 1013 Hz at −6 dBFS, in dB.
    var signalToNoise: Double
    var tones: [Tone]

    static let bandEdges = 300.0...3400.0
    static let stopEdge = 4600.0
    static let cellCount = 96

    static func measure(_ engine: ResamplerEngine, from: Int, to: Int) throws -> EngineQuality {
        var probe = try ToneProbe(from: from, to: to, engine: engine)
        let frequencies = stride(from: 25, to: Double(from) / 2, by: 50).map { unrelated(to: from, near: $0) }
        let tones = try frequencies.map { try measureTone($0, &probe) }
        let reference = try probe.gain(at: 1013)
        let gains = try ([300.3, 3399.7] + stride(from: 340.3, to: 3400, by: 75.1)).map { try probe.gain(at: $0) }
        let judged = tones.filter { from < to ? bandEdges.contains($0.frequency) : $0.frequency >= stopEdge }
        let resampler = try StreamResampler(from: from, to: to, engine: engine)
        return EngineQuality(
            engine: engine,
            from: from,
            to: to,
            ripple: (gains.max() ?? 0) - (gains.min() ?? 0),
            edge: gains[1] - reference,
            rejection: -(judged.compactMap(\.folded).max() ?? 0),
            latencyMilliseconds: resampler.latency.milliseconds,
            signalToNoise: try probe.signalToNoise(at: 1013),
            tones: tones
        )
    }

    /// Returns a frequency within 23 Hz whose ratio to the rate is far from all small fractions. Near those, a tone
    /// repeats its rounding errors after a few samples, and they look like images.
    private static func unrelated(to rate: Int, near frequency: Double) -> Double {
        let candidates = (-18...18).map { frequency + Double($0) * 1.27 }
        let distances = candidates.map { candidate in
            (1...400).map { divisor in
                let turns = candidate / Double(rate) * Double(divisor)
                return Double(divisor) * abs(turns - turns.rounded())
            }.min() ?? 0
        }
        let best = distances.indices.max { distances[$0] < distances[$1] } ?? 0
        return candidates[best]
    }

    private static func measureTone(_ frequency: Double, _ probe: inout ToneProbe) throws -> Tone {
        let (spectrum, level) = try probe.spectrum(of: frequency)
        let nyquist = Double(probe.to) / 2
        let line = probe.line(at: frequency)
        // The window spreads a tone over seven lines on each side, so that images nearer than that cannot be told from
        // the tone.
        let folded = places(of: frequency, probe).map { probe.line(at: $0) }
            .filter { abs($0 - line) > 18 }
            .compactMap { spectrum[max(0, $0 - 2)...min(spectrum.count - 1, $0 + 2)].max() }
            .max()
        let cells = (0..<cellCount).map { cell in
            let lines = cell * spectrum.count / cellCount..<(cell + 1) * spectrum.count / cellCount
            return spectrum[lines].max() ?? -200
        }
        return Tone(frequency: frequency, gain: frequency < nyquist ? level : nil, folded: folded, cells: cells)
    }

    /// Returns the frequencies of a tone's images, or of its alias, in the output.
    private static func places(of frequency: Double, _ probe: borrowing ToneProbe) -> [Double] {
        let (from, to) = (Double(probe.from), Double(probe.to))
        if to < from {
            return frequency > to / 2 ? [abs(frequency - to * (frequency / to).rounded())] : []
        }
        let multiples = stride(from: from, through: to / 2 + from / 2, by: from)
        return multiples.flatMap { [$0 - frequency, $0 + frequency] }.filter { $0 <= to / 2 }
    }
}
