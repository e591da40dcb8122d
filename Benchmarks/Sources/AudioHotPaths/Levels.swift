import TalkpathAudio

extension HotPath {
    /// Whether the caller speaks, on every frame that arrives.
    static let levels: [HotPath] = [
        HotPath("voice activity of a mu-law frame") {
            let detector = Box(VoiceActivityDetector())
            let codes = memory([UInt8](repeating: 0x5A, count: 160))
            return { _ = detector.value.process(muLaw: codes.span.bytes) }
        }
    ]
}
