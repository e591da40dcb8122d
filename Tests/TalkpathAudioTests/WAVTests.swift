import TalkpathAudio
import Testing

@Suite struct WAVTests {
    private let left: [Int16] = [0, 1, -1, 32767, -32768]
    private let right: [Int16] = [5, 6, 7]

    @Test func `a stereo file decodes with the shorter channel padded with silence`() throws {
        let bytes = WAV.encode(channels: [left, right], sampleRate: 8000)
        #expect(bytes.count == 44 + 20)
        let wav = try WAV.decode(bytes)
        #expect(wav.channels == [left, right + [0, 0]])
        #expect(wav.sampleRate == 8000)
        #expect(wav.duration == .microseconds(625))
    }

    @Test func `the header is the canonical one`() {
        let bytes = WAV.encode(channels: [[0x0102]], sampleRate: 24000)
        #expect(
            bytes
                == Array("RIFF".utf8) + [38, 0, 0, 0] + Array("WAVEfmt ".utf8) + [16, 0, 0, 0, 1, 0, 1, 0]
                + [0xC0, 0x5D, 0, 0, 0x80, 0xBB, 0, 0, 2, 0, 16, 0] + Array("data".utf8) + [2, 0, 0, 0, 2, 1]
        )
    }

    @Test(arguments: [Int.min, -1, 0, 1, 65_535, Int.max], [Int.min, -1, 0, 1 << 32, Int.max])
    func `no channel count, rate or length traps the writer`(count: Int, length: Int) {
        for encoding in AudioFormat.Encoding.allCases {
            let format = AudioFormat(encoding: encoding, sampleRate: count)
            let writer = WAVWriter(format: format, channelCount: count)
            #expect((1...65_535).contains(writer.channelCount))
            let header = writer.header(dataBytes: length)
            #expect(header.count == writer.headerBytes)
            // A length that 32 bits cannot hold is written as unknown.
            if length != 0 { #expect(header == writer.header(dataBytes: nil)) }
        }
        #expect(WAV.encode(channels: [], sampleRate: count).count == 44)
    }

    @Test(arguments: [AudioFormat.telephony, .alaw8k])
    func `a G.711 file is decoded`(format: AudioFormat) throws {
        let writer = WAVWriter(format: format, channelCount: 2)
        let samples: [UInt8] = [0, 1, 2, 3]
        let header = writer.header(dataBytes: 4)
        #expect(header.count == writer.headerBytes)
        let reader = try WAVReader(header + samples)
        #expect(reader.format == format)
        #expect(Array(reader.data) == samples)
        let decode: (UInt8) -> Int16 = format == .telephony ? { MuLaw.decode($0) } : { ALaw.decode($0) }
        #expect(reader.decoded().channels == [[decode(0), decode(2)], [decode(1), decode(3)]])
    }

    @Test func `a file with an unknown length is read to its end`() throws {
        let header = WAVWriter(format: .pcm8k).header(dataBytes: nil)
        #expect(try WAV.decode(header + [1, 0, 2, 0, 3]).channels == [[1, 2]])
    }

    @Test func `unknown chunks are skipped`() throws {
        var bytes = WAV.encode(channels: [[9]], sampleRate: 8000)
        bytes.insert(contentsOf: Array("LIST".utf8) + [3, 0, 0, 0, 1, 2, 3, 0], at: 12)
        #expect(try WAV.decode(bytes).channels == [[9]])
    }

    @Test func `the error names the fault of the file`() {
        let whole = WAV.encode(channels: [[9]], sampleRate: 8000)
        #expect(throws: WAVError.notAWAVFile) { try WAV.decode([]) }
        #expect(throws: WAVError.notAWAVFile) { try WAV.decode(Array("OggS and more".utf8)) }
        #expect(throws: WAVError.missingChunk("data")) { try WAV.decode(Array(whole.prefix(36))) }
        #expect(throws: WAVError.missingChunk("fmt")) { try WAV.decode(Array(whole.prefix(12))) }
        var eightBits = whole
        eightBits[34] = 8
        #expect(
            throws: WAVError.unsupportedFormat(tag: 1, bitsPerSample: 8, channelCount: 1, sampleRate: 8000)
        ) { try WAV.decode(eightBits) }
    }

    @Test func `no bytes trap the reader`() {
        let whole = WAVWriter(format: .telephony, channelCount: 2).header(dataBytes: 100) + [1, 2, 3]
        var generator = SplitMix64(seed: 3)
        var read = 0
        for _ in 0..<3000 {
            var bytes = Array(whole.prefix(Int.random(in: 0...whole.count, using: &generator)))
            for _ in 0..<3 where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = Bool.random(using: &generator) ? 255 : 0
            }
            if (try? WAV.decode(bytes)) != nil { read += 1 }
        }
        #expect(read > 0)
    }
}
