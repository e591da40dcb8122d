internal import Foundation
internal import TalkpathAudio

/// Speech from WAV files, for callers and agents that play it.
package enum RecordedSpeech {
    /// A longer recording is refused, in seconds.
    static let longest = 600
    /// The rates that are converted, in samples a second.
    static let rates = 4000...192_000
    /// A larger file is refused before it is read, in bytes.
    private static let largest = 256 << 20

    /// - Returns: the first channel of the file, in samples a second of that rate.
    /// - Throws: ``ConversationError``.
    package static func samples(of path: String, rate: Int) throws -> [Int16] {
        func fault(_ detail: String) -> ConversationError { ConversationError(file: path, detail: detail) }
        let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.intValue ?? 0
        guard size <= largest else { throw fault("the file is larger than \(largest >> 20) MiB") }
        guard let data = FileManager.default.contents(atPath: path) else { throw fault("cannot be read") }
        let wav: WAV
        do {
            wav = try WAV.decode(Array(data))
        } catch {
            throw fault("\(error)")
        }
        guard let samples = wav.channels.first, !samples.isEmpty else { throw fault("no audio") }
        guard rates.contains(wav.sampleRate) else {
            throw fault("\(wav.sampleRate) samples a second are not from \(rates.lowerBound) to \(rates.upperBound)")
        }
        guard samples.count <= longest * wav.sampleRate else { throw fault("longer than \(longest / 60) minutes") }
        guard wav.sampleRate != rate else { return samples }
        do {
            var resampler = try LibsamplerateResampler(from: wav.sampleRate, to: rate, converter: .best)
            return try resampler.resampledToEnd(samples)
        } catch {
            throw fault("\(error)")
        }
    }
}
