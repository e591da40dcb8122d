import TalkpathAudio
import Testing

@Suite struct AudioFormatTests {
    @Test func `frame sizes follow from sample rate and encoding`() {
        #expect(AudioFormat.telephony.frameBytes == 160)
        #expect(AudioFormat.telephony.bytesPerMillisecond == 8)
        #expect(AudioFormat.alaw8k.bytesPerSample == 1)
        #expect(AudioFormat.pcm16k.frameBytes == 640)
        #expect(AudioFormat.pcm24k.frameBytes == 960)
        #expect(AudioFormat.pcm24k.frameSamples == 480)
        #expect(AudioFormat.pcm24k.bytesPerMillisecond == 48)
    }

    @Test func `the duration of bytes is exact`() {
        #expect(AudioFormat.telephony.duration(ofBytes: 160) == .milliseconds(20))
        #expect(AudioFormat.pcm24k.duration(ofBytes: 48 * 3_600_000) == .seconds(3600))
    }

    @Test func `the description names encoding and rate`() {
        #expect("\(AudioFormat.telephony)" == "mulaw 8000 Hz")
    }

    /// Sample rates may come from files and from embedders.
    @Test(arguments: AudioFormat.Encoding.allCases, [Int.min, -8000, 0, 1 << 31, Int.max])
    func `no sample rate traps`(encoding: AudioFormat.Encoding, rate: Int) {
        let format = AudioFormat(encoding: encoding, sampleRate: rate)
        #expect(format.sampleRate == rate)
        #expect((0...1 << 31).contains(format.bytesPerMillisecond * 1000))
        #expect(format.frameBytes >= 0)
        #expect(format.duration(ofBytes: 1 << 40) > .zero)
    }

    @Test(arguments: AudioFormat.Encoding.allCases)
    func `the silence byte decodes to a quiet sample`(encoding: AudioFormat.Encoding) {
        let byte = AudioFormat(encoding: encoding, sampleRate: 8000).silenceByte
        let sample: Int16 =
            switch encoding {
            case .pcm16: Int16(byte)
            case .mulaw: MuLaw.decode(byte)
            case .alaw: ALaw.decode(byte)
            }
        #expect(abs(sample) <= 8)
    }
}
