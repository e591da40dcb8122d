/// Compares the audio that one caller hears with the caller's own voice.
///
/// Every 20 ms of the returning audio must be the caller's voice of the right instant. If three thousandths of its
/// power differ (one wrong sample in a frame; µ-law alone causes half of one thousandth), the frame is damaged. The ear
/// then looks for the voice elsewhere in the second, and counts the audio in between as lost or repeated. For one
/// thread; allocates only when a frame is damaged.
package struct CallCodeListener {
    package struct Findings: Equatable, Sendable {
        /// Frames compared, and frames that match the voice.
        package var frames = 0
        package var goodFrames = 0
        /// Frames that do not match, at least in part.
        package var damagedFrames = 0
        /// Samples that were skipped, and samples that came twice.
        package var lostSamples = 0
        package var repeatedSamples = 0
        /// Damaged frames that are kept for examination.
        package var evidence: [[Float]] = []

        package init() {}
    }

    package private(set) var findings = Findings()
    /// The number of samples heard.
    package private(set) var position = 0
    /// The lead of the heard audio over its place: samples lost minus samples repeated.
    package private(set) var shift = 0

    private let reference: [Float]
    private var block = [Float](repeating: 0, count: CallCode.frameSamples)
    private var filled = 0
    private var isJudging = false
    private var damagedInARow = 0

    private static let tolerance: Float = 0.003
    private static let mostEvidence = 16
    /// The number of frames at the beginning that are not judged, because the filters fill.
    private static let unjudged = 3

    /// - Parameter reference: a second of the voice, with the delay of the path.
    package init(reference: [Float]) {
        precondition(reference.count == CallCode.period)
        self.reference = reference
    }

    /// Starts counting, from zero.
    package mutating func beginJudging() {
        findings = Findings()
        isJudging = true
    }

    package mutating func endJudging() { isJudging = false }

    /// Takes µ-law audio, in pieces of any length.
    package mutating func hear(_ bytes: UnsafeBufferPointer<UInt8>, decoding table: [Float]) {
        for byte in bytes {
            block[filled] = table[Int(byte)]
            filled += 1
            guard filled == CallCode.frameSamples else { continue }
            filled = 0
            judge()
            position += CallCode.frameSamples
        }
    }

    private mutating func judge() {
        guard position >= Self.unjudged * CallCode.frameSamples else { return }
        let start = (position + shift) % CallCode.period
        if Self.distance(of: block, from: reference, at: start) <= Self.tolerance {
            damagedInARow = 0
            guard isJudging else { return }
            findings.frames += 1
            findings.goodFrames += 1
            return
        }
        if isJudging {
            findings.frames += 1
            findings.damagedFrames += 1
            if findings.evidence.count < Self.mostEvidence { findings.evidence.append(residue(at: start)) }
        }
        damagedInARow += 1
        // A search costs a millisecond, so a voice that stays missing is not searched for in every frame.
        if damagedInARow <= 4 || damagedInARow % 25 == 0 { lookElsewhere(from: start) }
    }

    private mutating func lookElsewhere(from start: Int) {
        for place in 0..<CallCode.period
        where Self.distance(of: block, from: reference, at: place) <= Self.tolerance {
            // Take the shorter way around the second.
            var jump = (place - start + CallCode.period) % CallCode.period
            if jump > CallCode.period / 2 { jump -= CallCode.period }
            shift = (shift + jump + CallCode.period) % CallCode.period
            damagedInARow = 0
            guard isJudging else { return }
            if jump > 0 { findings.lostSamples += jump } else { findings.repeatedSamples -= jump }
            return
        }
    }

    /// The frame without the caller's own voice; the whole frame if that voice is not in it.
    private func residue(at start: Int) -> [Float] {
        var (product, power): (Float, Float) = (0, 0)
        for index in block.indices {
            let expected = reference[(start + index) % CallCode.period]
            product += block[index] * expected
            power += expected * expected
        }
        let gain = power > 0 ? product / power : 0
        guard gain > 0.5 else { return block }
        return block.indices.map { block[$0] - gain * reference[(start + $0) % CallCode.period] }
    }

    /// The share of a sound's power that differs from the voice at that place, regardless of loudness: from 0 to 1.
    static func distance(of sound: [Float], from voice: [Float], at start: Int) -> Float {
        sound.withUnsafeBufferPointer { sound in
            voice.withUnsafeBufferPointer { voice in
                let first = min(sound.count, voice.count - start)
                var sums = (product: SIMD8<Float>.zero, sound: SIMD8<Float>.zero, voice: SIMD8<Float>.zero)
                var rest: (product: Float, sound: Float, voice: Float) = (0, 0, 0)
                var index = 0
                while index + 8 <= first {
                    // Safety: eight samples are left in both.
                    let a = UnsafeRawPointer(sound.baseAddress! + index).loadUnaligned(as: SIMD8<Float>.self)
                    let b = UnsafeRawPointer(voice.baseAddress! + start + index).loadUnaligned(as: SIMD8<Float>.self)
                    sums.product += a * b
                    sums.sound += a * a
                    sums.voice += b * b
                    index += 8
                }
                while index < sound.count {
                    let a = sound[index]
                    let b = voice[(start + index) % voice.count]
                    rest.product += a * b
                    rest.sound += a * a
                    rest.voice += b * b
                    index += 1
                }
                let product = sums.product.sum() + rest.product
                let power = (sums.sound.sum() + rest.sound) * (sums.voice.sum() + rest.voice)
                guard power > 0, product > 0 else { return 1 }
                return 1 - product * product / power
            }
        }
    }

    /// True if a sound is the voice of the reference, at any place of a whole frame.
    package static func holds(_ sound: [Float], _ reference: [Float]) -> Bool {
        stride(from: 0, to: CallCode.period, by: CallCode.frameSamples).contains {
            distance(of: sound, from: reference, at: $0) < 0.5
        }
    }
}
