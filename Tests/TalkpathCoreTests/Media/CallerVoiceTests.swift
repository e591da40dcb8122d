import TalkpathAudio
import Testing

@testable import TalkpathCore

struct CallerVoiceTests {
    /// 400 ms of silence, 600 ms of a loud tone, 1 s of silence.
    private static let samples: [Int16] = (0..<16_000).map { index in
        guard (3200..<8000).contains(index) else { return 0 }
        return index % 16 < 8 ? 6000 : -6000
    }

    private static func bytes(_ encoding: AudioFormat.Encoding) -> [UInt8] {
        switch encoding {
        case .pcm16: return samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        case .mulaw: return samples.map { MuLaw.encode($0) }
        case .alaw: return samples.map { ALaw.encode($0) }
        }
    }

    @Test(arguments: AudioFormat.Encoding.allCases, [1, 7, 20, 60])
    func `speech is detected in every encoding and with every chunking`(
        encoding: AudioFormat.Encoding,
        chunkMilliseconds: Int
    ) {
        let format = AudioFormat(encoding: encoding, sampleRate: 8000)
        var voice = CallerVoice(format: format)
        let bytes = Self.bytes(encoding)
        let chunk = chunkMilliseconds * format.bytesPerMillisecond + (chunkMilliseconds == 7 ? 1 : 0)
        var transitions: [VoiceActivityDetector.Transition] = []
        var offset = 0
        while offset < bytes.count {
            let end = min(offset + chunk, bytes.count)
            let now = MonotonicInstant.at(milliseconds: end / format.bytesPerMillisecond)
            if let transition = voice.hear(bytes.span.bytes.extracting(offset..<end), at: now) {
                transitions.append(transition)
            }
            offset = end
        }
        #expect(transitions == [.speechStarted, .speechEnded])
        let last = voice.lastSpeech.map { $0.milliseconds(since: .at(milliseconds: 0)) } ?? 0
        #expect(last >= 980 && last <= 1000 + Double(2 * max(20, chunkMilliseconds)), "heard until \(last) ms")
        let isSpeaking = voice.isSpeaking
        #expect(!isSpeaking)
    }

    @Test func `silence is audio but not speech`() {
        var voice = CallerVoice(format: .telephony)
        let silence = [UInt8](repeating: 0xFF, count: 160)
        for frame in 1...50 {
            #expect(voice.hear(silence.span.bytes, at: .at(milliseconds: frame * 20)) == nil)
        }
        let (audio, speech) = (voice.lastAudio, voice.lastSpeech)
        #expect(audio == .at(milliseconds: 1000) && speech == nil)
    }
}
