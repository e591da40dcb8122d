import TalkpathAudio

extension HotPath {
    /// A frame of keypad tones. The sequence outlasts every measurement: it begins anew when it is over.
    static let tones: [HotPath] = [
        HotPath("keypad tones, 8000 Hz") {
            let fresh = try DTMFGenerator(DTMFSequence("0123456789*#ABCD"), sampleRate: 8000)
            let generator = Box(fresh)
            let frame = memory(noise(count: 160))
            return {
                if generator.value.isFinished { generator.value = fresh }
                var target = frame.mutableSpan
                _ = generator.value.write(into: &target)
            }
        }
    ]
}
