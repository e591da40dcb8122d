import TalkpathAudio

extension HotPath {
    /// A 20 ms stereo frame of a recording, off the media path.
    static let opus: [HotPath] = [
        HotPath("Opus encode, 8000 Hz stereo") {
            let encoder = Box(try OpusEncoder(sampleRate: 8000, channelCount: 2))
            let samples = memory(noise(count: 320))
            let packet = memory([UInt8](repeating: 0, count: OpusEncoder.maximumPacketBytes))
            return {
                var target = packet.mutableSpan
                _ = try encoder.value.encode(samples.span, into: &target)
            }
        }
    ]
}
