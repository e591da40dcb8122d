import TalkpathAudio
import Testing

@Suite struct LevelMeterTests {
    @Test func `a full-scale square wave has 0 dBFS and a full-scale sine −3.01`() {
        let square = (0..<320).map { $0.isMultiple(of: 2) ? Int16.max : Int16.min }
        let level = LevelMeter.level(of: square.span)
        #expect(abs(level.rms) < 0.001)
        #expect(abs(level.peak) < 0.001)
        let sine = LevelMeter.level(of: Signals.sine(1000, rate: 8000, count: 8000, amplitude: 32767).span)
        #expect(abs(sine.rms + 3.01) < 0.01)
    }

    @Test(arguments: [1, 7, 8, 9, 160, 5000])
    func `the level equals that of a plain sum`(count: Int) {
        let samples = Signals.noise(count: count, amplitude: 30000, seed: UInt64(count))
        let power = samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(count) / (32768 * 32768)
        let level = LevelMeter.level(of: samples.span)
        #expect(abs(level.rms - Signals.decibels(power: power)) < 0.001)
        let peak = Double(samples.map(\.magnitude).max() ?? 0) / 32768
        #expect(abs(level.peak - Signals.decibels(power: peak * peak)) < 0.001)
    }

    @Test func `silence and empty input have a level of −infinity`() {
        #expect(LevelMeter.level(of: [Int16]().span) == .silence)
        #expect(LevelMeter.level(of: [Int16](repeating: 0, count: 20).span) == .silence)
        #expect(LevelMeter.level(ofMuLaw: [UInt8](repeating: MuLaw.silence, count: 20).span.bytes) == .silence)
    }

    @Test func `µ-law bytes have the level of their decoded samples`() {
        let codes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let samples = codes.map { MuLaw.decode($0) }
        #expect(abs(LevelMeter.level(ofMuLaw: codes.span.bytes).rms - LevelMeter.level(of: samples.span).rms) < 0.001)
    }
}

@Suite struct VoiceActivityDetectorTests {
    /// Noise with the given RMS level in dBFS.
    private func noise(_ level: Double, frames: Int, seed: UInt64 = 1) -> [Int16] {
        var amplitude = 32768.0 * 3.0.squareRoot()
        // Steps of 1 dB are fine enough for a test.
        for _ in 0..<Int(-level) { amplitude *= 0.8912509381 }
        return Signals.noise(count: frames * 160, amplitude: max(1, Int(amplitude)), seed: seed)
    }

    private func transitions(
        _ samples: [Int16],
        _ detector: inout VoiceActivityDetector
    ) -> [(frame: Int, VoiceActivityDetector.Transition)] {
        (0..<samples.count / 160).compactMap { frame in
            let part = samples[frame * 160..<(frame + 1) * 160]
            return detector.process(part.span).map { (frame, $0) }
        }
    }

    @Test(arguments: [-30.0, -20, -10])
    func `speech over line noise is detected after the onset and hangover times`(level: Double) {
        var detector = VoiceActivityDetector()
        let signal =
            noise(-50, frames: 200) + noise(level, frames: 50, seed: 2) + noise(-50, frames: 100, seed: 3)
        let found = transitions(signal, &detector)
        #expect(found.map(\.1) == [.speechStarted, .speechEnded])
        #expect(found.first?.frame == 202)
        #expect(found.last?.frame == 274)
    }

    @Test func `line noise alone is never speech`() {
        var detector = VoiceActivityDetector()
        #expect(transitions(noise(-50, frames: 3000), &detector).isEmpty)
        #expect(abs(detector.noiseLevel + 50) < 2)
    }

    @Test func `sudden speech after digital silence is detected`() {
        var detector = VoiceActivityDetector()
        let signal = [Int16](repeating: 0, count: 16000) + noise(-30, frames: 20)
        #expect(transitions(signal, &detector).map(\.frame) == [102])
    }

    @Test func `clicks start no speech and pauses within words do not end it`() {
        var detector = VoiceActivityDetector()
        let quiet = noise(-50, frames: 10)
        let click = noise(-15, frames: 2)
        #expect(transitions(quiet + click + quiet + click + quiet, &detector).isEmpty)
        let word = noise(-20, frames: 10)
        let talk = word + noise(-50, frames: 20) + word + noise(-50, frames: 24) + word
        #expect(transitions(talk, &detector).map(\.1) == [.speechStarted])
    }

    @Test func `steady noise counts as line noise after some seconds`() {
        var detector = VoiceActivityDetector()
        let found = transitions(noise(-50, frames: 100) + noise(-36, frames: 1000, seed: 4), &detector)
        #expect(found.map(\.1) == [.speechStarted, .speechEnded])
        #expect(detector.threshold > -33)
    }

    @Test func `a constant offset is not detected as sound`() {
        var detector = VoiceActivityDetector()
        #expect(transitions([Int16](repeating: 3000, count: 16000), &detector).isEmpty)
    }

    @Test func `µ-law frames give the same transitions as linear frames`() {
        let signal = noise(-50, frames: 60) + noise(-25, frames: 30, seed: 2) + noise(-50, frames: 60, seed: 3)
        let codes = signal.map { MuLaw.encode($0) }
        var detector = VoiceActivityDetector()
        let found = (0..<codes.count / 160).compactMap { frame in
            detector.process(muLaw: codes[frame * 160..<(frame + 1) * 160].span.bytes).map { (frame, $0) }
        }
        #expect(found.map(\.0) == [62, 114])
        #expect(found.map(\.1) == [.speechStarted, .speechEnded])
    }

    @Test func `onset and hangover are configurable`() {
        var detector = VoiceActivityDetector(
            configuration: .init(onset: .milliseconds(100), hangover: .milliseconds(190))
        )
        let signal = noise(-50, frames: 50) + noise(-20, frames: 30, seed: 2) + noise(-50, frames: 60, seed: 3)
        #expect(transitions(signal, &detector).map(\.frame) == [54, 89])
        detector.reset()
        #expect(!detector.isSpeech)
    }
}

@Suite struct AudioCorrelationTests {
    @Test(arguments: [-4000, -37, 0, 1, 7999])
    func `the lag of a quieter and noisy copy is found`(lag: Int) {
        let reference = Signals.noise(count: 24_000, amplitude: 12000, seed: 1)
        let extra = Signals.noise(count: 40_000, amplitude: 400, seed: 2)
        let received = (0..<32_000).map { index -> Int16 in
            let source = index - lag
            return extra[index] + (reference.indices.contains(source) ? reference[source] / 2 : 0)
        }
        let match = AudioCorrelation.bestLag(of: reference, in: received, maxLag: 8000)
        #expect(match.lag == lag)
        #expect(match.coefficient > 0.99)
        let snr = AudioCorrelation.snr(reference: reference, received: received)
        #expect(abs(snr - 23.5) < 0.5)
    }

    @Test func `an inverted copy correlates negatively`() {
        let reference = Signals.noise(count: 2000, amplitude: 12000, seed: 1)
        let match = AudioCorrelation.bestLag(of: reference, in: reference.map { -$0 }, maxLag: 10)
        #expect(match.lag == 0)
        #expect(match.coefficient < -0.9999)
    }

    @Test func `independent noises do not correlate`() {
        let match = AudioCorrelation.bestLag(
            of: Signals.noise(count: 16_000, amplitude: 9000, seed: 1),
            in: Signals.noise(count: 16_000, amplitude: 9000, seed: 2),
            maxLag: 4000
        )
        #expect(abs(match.coefficient) < 0.06)
    }

    @Test func `empty and silent signals do not correlate`() {
        let silence = [Int16](repeating: 0, count: 100)
        for received in [[], silence] {
            #expect(AudioCorrelation.bestLag(of: silence, in: received, maxLag: 8) == .init(lag: 0, coefficient: 0))
            #expect(AudioCorrelation.snr(reference: silence, received: received) == -.infinity)
        }
        #expect(AudioCorrelation.snr(reference: [5, -5, 9], received: [5, -5, 9]) == .infinity)
    }
}
