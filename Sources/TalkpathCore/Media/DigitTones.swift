import TalkpathAudio

/// Makes the audio of dialled digits.
enum DigitTones {
    /// - Throws: `CallCommandError` with `invalid_digits`. It names the wrong position, never a digit.
    static func audio(of digits: String, format: AudioFormat) throws(CallCommandError) -> [UInt8] {
        do {
            let linear = AudioFormat(encoding: .pcm16, sampleRate: format.sampleRate)
            let samples = try samples(of: DTMFSequence(digits), sampleRate: format.sampleRate)
            guard format != linear else { return samples.span.bytes.withUnsafeBytes { Array($0) } }
            var audio: [UInt8] = []
            var converter = try AudioConverter(from: linear, to: format)
            converter.convert(samples.span.bytes) { piece in piece.withUnsafeBytes { audio += $0 } }
            return audio
        } catch let error as DTMFError {
            throw CallCommandError(.invalidDigits, error.description)
        } catch {
            throw CallCommandError(.invalidDigits, "tones cannot be sent on this line")
        }
    }

    private static func samples(of digits: DTMFSequence, sampleRate: Int) throws(DTMFError) -> [Int16] {
        var tones = try DTMFGenerator(digits, sampleRate: sampleRate)
        return [Int16](unsafeUninitializedCapacity: tones.sampleCount) { memory, count in
            memory.initialize(repeating: 0)
            count = tones.write(into: memory)
        }
    }
}
