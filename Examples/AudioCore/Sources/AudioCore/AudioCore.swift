import Foundation
import TalkpathAudio

/// Turns a telephone's µ-law at 8 kHz into 16-bit PCM at 24 kHz, as a speech model takes it, and says when the caller
/// speaks.
///
///     swift run AudioCore caller.wav caller-24k.wav     # caller.wav: 8 kHz, one channel
///
/// The loop is the one of a live call: one frame of 20 ms at a time, into memory that was allocated before.
@main
struct AudioCore {
    /// 20 ms at 8 kHz, one byte a sample.
    private static let frameBytes = 160

    static func main() throws {
        guard CommandLine.arguments.count == 3 else {
            FileHandle.standardError.write(Data("usage: AudioCore CALLER.wav OUT.wav\n".utf8))
            exit(64)
        }
        let line = try lineAudio(of: CommandLine.arguments[1])
        var resampler = try Resampler(from: 8000, to: 24_000)
        var detector = VoiceActivityDetector()
        var linear = [Int16](repeating: 0, count: frameBytes)
        var wide = [Int16](repeating: 0, count: resampler.maximumOutputCount(for: frameBytes))
        var recorded: [Int16] = []
        var milliseconds = 0

        for start in stride(from: 0, through: line.count - frameBytes, by: frameBytes) {
            let frame = line.span.extracting(start..<start + frameBytes).bytes
            var samples = linear.mutableSpan
            MuLaw.decode(frame, into: &samples)
            var output = wide.mutableSpan
            let count = try resampler.process(linear.span, into: &output)
            recorded += wide[..<count]

            milliseconds += AudioFormat.frameMilliseconds
            switch detector.process(muLaw: frame) {
            case .speechStarted: print("\(milliseconds) ms: the caller speaks")
            case .speechEnded: print("\(milliseconds) ms: the caller has stopped")
            case nil: break
            }
        }
        let file = WAV.encode(channels: [recorded], sampleRate: 24_000)
        try Data(file).write(to: URL(fileURLWithPath: CommandLine.arguments[2]))
        print("\(recorded.count) samples at 24 kHz (\(resampler.description)) in \(CommandLine.arguments[2])")
    }

    /// The caller's audio as the carrier would send it: µ-law at 8 kHz.
    private static func lineAudio(of path: String) throws -> [UInt8] {
        let file = try WAV.decode([UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
        guard file.sampleRate == 8000, file.channels.count == 1 else {
            FileHandle.standardError.write(Data("\(path) must have one channel at 8000 Hz\n".utf8))
            exit(65)
        }
        return file.channels[0].map(MuLaw.encode)
    }
}
