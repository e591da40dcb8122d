import TalkpathAudio
import TalkpathCore

extension FuzzTarget {
    /// A capture is read up to where it makes sense.
    static let capture = FuzzTarget(name: "capture") { input in
        guard let capture = try? Capture(reading: input) else { return }
        if case .damaged(let offset) = capture.ending {
            expect((0...input.count).contains(offset), "damage outside of the file")
            // The part before the damage is read the same without the rest.
            guard let cut = try? Capture(reading: Array(input[..<offset])) else { return }
            expect(cut.records.count <= capture.records.count, "a shorter file has more in it")
        }
        if input.count > 16, let half = try? Capture(reading: Array(input[..<(input.count / 2)])) {
            expect(half.records.count <= capture.records.count, "half a file has more in it")
        }
    }

    static let oggOpus = FuzzTarget(name: "ogg") { input in
        _ = try? OggOpusReader.decode(input, sampleRate: 8000)
        guard let audio = try? OggOpusReader.decode(withRightCheckSums(input), sampleRate: 48_000) else { return }
        let lengths = Set(audio.channels.map(\.count))
        expect(lengths.count <= 1, "channels of different lengths")
    }

    /// A sound file reads back as it was written.
    static let wav = FuzzTarget(name: "wav") { input in
        guard let sound = try? WAV.decode(input) else { return }
        guard sound.channels.allSatisfy({ !$0.isEmpty }), (1...192_000).contains(sound.sampleRate) else { return }
        let written = WAV.encode(channels: sound.channels, sampleRate: sound.sampleRate)
        expect((try? WAV.decode(written)) == sound, "a sound is read as another")
    }
}

// MARK: Ogg's check sums

extension FuzzTarget {
    /// A second of sound, for a fuzzer would take long to come upon one.
    static func oggSeed(channels: Int) -> [UInt8] {
        guard
            var writer = try? OggOpusWriter(
                sampleRate: 8000,
                channelCount: channels,
                serialNumber: 7,
                comments: ["TITLE=a"],
                pageMilliseconds: 200
            )
        else { return [] }
        var bytes = writer.header()
        let samples = (0..<8000 * channels).map { Int16(truncatingIfNeeded: $0 * 7919) }
        try? writer.append(samples.span, to: &bytes)
        try? writer.finish(to: &bytes)
        return bytes
    }

    /// Pages whose check sum is wrong are given the right one: else all that is changed would be refused for it.
    static func withRightCheckSums(_ file: [UInt8]) -> [UInt8] {
        var file = file
        var start = 0
        while start + 27 <= file.count, file[start..<start + 4].elementsEqual("OggS".utf8) {
            let table = start + 27
            let segments = Int(file[start + 26])
            guard table + segments <= file.count else { break }
            let end = table + segments + file[table..<table + segments].reduce(0) { $0 + Int($1) }
            guard end <= file.count else { break }
            for index in 22..<26 { file[start + index] = 0 }
            var sum: UInt32 = 0
            for byte in file[start..<end] {
                sum ^= UInt32(byte) << 24
                for _ in 0..<8 { sum = sum & 0x8000_0000 == 0 ? sum << 1 : sum << 1 ^ 0x04C1_1DB7 }
            }
            for index in 0..<4 { file[start + 22 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index)) }
            start = end
        }
        return file
    }
}
