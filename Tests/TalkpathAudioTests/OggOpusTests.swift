import Testing

@testable import TalkpathAudio

@Suite struct OggOpusTests {
    private static func interleaved(_ channels: [[Int16]]) -> [Int16] {
        channels[0].indices.flatMap { index in channels.map { $0[index] } }
    }

    private static func file(
        _ channels: [[Int16]],
        rate: Int,
        chunk: Int = 333,
        pageMilliseconds: Int = 1000,
        finishes: Bool = true
    ) throws -> [UInt8] {
        var writer = try OggOpusWriter(
            sampleRate: rate,
            channelCount: channels.count,
            serialNumber: 0xCA11_0001,
            bitrate: 64_000 * channels.count,
            comments: ["TITLE=a call", "NOTE=ä"],
            pageMilliseconds: pageMilliseconds
        )
        var bytes = writer.header()
        let samples = interleaved(channels)
        for start in stride(from: 0, to: samples.count, by: chunk) {
            try writer.append(samples.span.extracting(start..<min(samples.count, start + chunk)), to: &bytes)
        }
        if finishes {
            try writer.finish(to: &bytes)
            #expect(writer.sampleCount == channels[0].count)
            let size = bytes.count
            try writer.finish(to: &bytes)
            try writer.append(samples.span, to: &bytes)
            #expect(bytes.count == size)
        }
        return bytes
    }

    @Test(arguments: OpusTests.rates, [1, 2])
    func `a decoded file has the length and content of the samples written`(rate: Int, channelCount: Int) throws {
        let channels = (0..<channelCount).map {
            Signals.sweep(rate: rate, seconds: 1.337, from: 300 + 500 * Double($0))
        }
        let audio = try OggOpusReader.decode(try Self.file(channels, rate: rate), sampleRate: rate)
        #expect(audio.isComplete)
        #expect(audio.sampleRate == rate && audio.originalSampleRate == rate)
        #expect(audio.comments == ["TITLE=a call", "NOTE=ä"])
        #expect(audio.channels.map(\.count) == channels.map(\.count))
        for (sent, received) in zip(channels, audio.channels) {
            let match = AudioCorrelation.bestLag(of: sent, in: received, maxLag: rate / 10)
            #expect(match.coefficient > 0.95)
            // The lookahead does not include the delay of the codec's own filters, a tenth of a millisecond.
            #expect(abs(match.lag) <= 1 + rate / 10_000)
        }
    }

    @Test(arguments: [0, 1, 159, 160, 161, 8000])
    func `a signal of any length keeps its length`(count: Int) throws {
        let audio = try OggOpusReader.decode(
            try Self.file([Signals.noise(count: count, amplitude: 5000, seed: 1)], rate: 8000),
            sampleRate: 8000
        )
        #expect(audio.channels.map(\.count) == [count])
        #expect(audio.isComplete)
    }

    /// RFC 7845: two header pages, numbered pages, granule positions in 48 kHz samples, one last page.
    @Test func `pages follow RFC 7845`() throws {
        let bytes = try Self.file([Signals.sweep(rate: 16_000, seconds: 3.21)], rate: 16_000)
        var reader = OggPageReader(bytes)
        var position = 0
        var pages: [ArraySlice<UInt8>] = []
        while let _ = try reader.next() {
            let table = bytes[position + 27..<position + 27 + Int(bytes[position + 26])]
            let end = position + 27 + table.count + table.reduce(0) { $0 + Int($1) }
            pages.append(bytes[position..<end])
            position = end
        }
        #expect(position == bytes.count)
        #expect(pages.map { $0.littleEndian(at: 5, as: UInt8.self) } == [2, 0, 0, 0, 0, 4])
        #expect(pages.map { $0.littleEndian(at: 18, as: UInt32.self) } == [0, 1, 2, 3, 4, 5])
        let encoder = try OpusEncoder(sampleRate: 16_000)
        let preSkip = UInt64(encoder.lookahead * 3)
        let granules = pages.map { $0.littleEndian(at: 6, as: UInt64.self) }
        #expect(granules == [0, 0, 48_000, 96_000, 144_000, 154_080 + preSkip])
        let head = pages[0].dropFirst(28)
        #expect(head.starts(with: "OpusHead".utf8))
        #expect(head.littleEndian(at: 8, as: UInt16.self) == 0x0101)
        #expect(UInt64(head.littleEndian(at: 10, as: UInt16.self)) == preSkip)
        #expect(head.littleEndian(at: 12, as: UInt32.self) == 16_000)
        #expect(head.count == 19)
    }

    @Test func `a file cut off anywhere is read up to its last whole page`() throws {
        let tone = Signals.sweep(rate: 8000, seconds: 2)
        let bytes = try Self.file([tone], rate: 8000, pageMilliseconds: 200)
        var lengths: Set<Int> = []
        for cut in stride(from: 200, to: bytes.count, by: 97) {
            guard let audio = try? OggOpusReader.decode(Array(bytes.prefix(cut)), sampleRate: 8000) else {
                #expect(cut < 300, "cut at \(cut)")
                continue
            }
            #expect(!audio.isComplete)
            lengths.insert(audio.channels[0].count)
        }
        // Ten pages give at least nine different lengths.
        #expect(lengths.count >= 9)
        #expect(lengths.allSatisfy { $0 <= 16_000 })
    }

    @Test func `damaged files are refused and never trap`() throws {
        let bytes = try Self.file([Signals.sweep(rate: 8000, seconds: 0.5)], rate: 8000, pageMilliseconds: 100)
        var generator = SplitMix64(seed: 4)
        for _ in 0..<400 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                damaged[Int.random(in: 0..<bytes.count, using: &generator)] ^= UInt8.random(
                    in: 1...255,
                    using: &generator
                )
            }
            if damaged == bytes { continue }
            do throws(OggOpusError) {
                // Decoding succeeds only if a length field now reaches beyond the end, which looks like a file that was
                // cut off.
                #expect(try OggOpusReader.decode(damaged, sampleRate: 8000).isComplete == false)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(throws: OggOpusError.notAnOggFile) { _ = try OggOpusReader.decode([]) }
        #expect(throws: OggOpusError.notAnOggFile) { _ = try OggOpusReader.decode(Array("RIFF0000WAVE".utf8)) }
        #expect(throws: OggOpusError.missingHeader("OpusHead")) { _ = try OggOpusReader.decode(Array("OggS".utf8)) }
        #expect(throws: OggOpusError.opus(.unsupportedRate(44_100))) {
            _ = try OggOpusReader.decode(bytes, sampleRate: 44_100)
        }
    }

    @Test func `other channel layouts are refused`() throws {
        for (version, channelCount, family) in [(1, 3, 0), (1, 2, 1), (16, 1, 0), (1, 0, 0)] {
            var head = Array("OpusHead".utf8) + [UInt8(version), UInt8(channelCount), 0, 0]
            head += [0, 0, 0, 0, 0, 0, UInt8(family)]
            var page = OggPage(granulePosition: 0, serialNumber: 1, sequenceNumber: 0)
            page.append(head)
            let bytes = page.encoded()
            #expect(
                throws: OggOpusError.unsupported(version: version, channelCount: channelCount, mappingFamily: family)
            ) { _ = try OggOpusReader.decode(bytes) }
        }
    }

    /// Packets may span several pages. Our writer makes none, but a reader must accept them.
    @Test func `packets that span several pages are joined`() throws {
        let tags =
            Array("OpusTags".utf8) + [0, 0, 0, 0, 1, 0, 0, 0] + [0x60, 0xEA, 0, 0]
            + [UInt8](repeating: 65, count: 60_000)
        var head = OggPage(granulePosition: 0, serialNumber: 9, sequenceNumber: 0)
        head.flags = .isFirst
        head.append(Array("OpusHead".utf8) + [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        var first = OggPage(granulePosition: -1, serialNumber: 9, sequenceNumber: 1)
        first.segments = [UInt8](repeating: 255, count: 100)
        first.body = Array(tags.prefix(25_500))
        var second = OggPage(granulePosition: 0, serialNumber: 9, sequenceNumber: 2)
        second.flags = .isContinued
        second.append(tags.dropFirst(25_500))
        var stranger = OggPage(granulePosition: 0, serialNumber: 8, sequenceNumber: 77)
        stranger.append([1, 2, 3])
        let bytes = head.encoded() + first.encoded() + stranger.encoded() + second.encoded()
        let audio = try OggOpusReader.decode(bytes)
        #expect(audio.comments.map(\.utf8.count) == [60_000])
        #expect(audio.channels == [[]])
    }

    @Test func `the checksum is that of Ogg`() {
        // The check value of "123456789" for this polynomial, bit order and initial value, as CRC catalogues list it.
        #expect(OggPage.checkSum("123456789".utf8) == 0x89A1_897F)
    }

    // MARK: An independent decoder

    @Test(
        .enabled(
            if: ExternalTool.opusdec != nil,
            "opusdec is not installed (opus-tools): no independent program checked our files"
        ),
        arguments: [(8000, 1, true), (8000, 2, true), (24_000, 2, true), (8000, 2, false)]
    )
    func `opusdec reads our files`(rate: Int, channelCount: Int, finishes: Bool) throws {
        let channels = (0..<channelCount).map { Signals.sweep(rate: rate, seconds: 2.5, from: 300 + 500 * Double($0)) }
        let bytes = try Self.file(channels, rate: rate, finishes: finishes)
        let decoded = try WAV.decode(
            ExternalTool.run(
                #require(ExternalTool.opusdec),
                ["--quiet", "--no-dither", "--rate", "\(rate)"],
                on: bytes
            )
        )
        #expect(decoded.sampleRate == rate)
        #expect(decoded.channels.count == channelCount)
        // A file whose writer died has its whole pages: two of one second each.
        let expected = finishes ? channels[0].count : 2 * rate
        for (sent, received) in zip(channels, decoded.channels) {
            #expect(abs(received.count - expected) <= (finishes ? 1 : rate / 50))
            let match = AudioCorrelation.bestLag(of: sent, in: received, maxLag: rate / 10)
            // opusdec decodes at 48 kHz and resamples, which may leave half a sample of delay.
            #expect(match.coefficient > 0.85)
            #expect(abs(match.lag) <= 1 + rate / 10_000)
        }
    }

    /// A killed process leaves a file that ends at an arbitrary byte, in the middle of a page.
    @Test(
        .enabled(if: ExternalTool.ffmpeg != nil, "ffmpeg is not installed: no independent program checked our files"),
        arguments: [0.3, 0.5, 0.77, 0.99]
    )
    func `ffmpeg plays a file that was cut off in the middle of a page`(part: Double) throws {
        let sent = Signals.sweep(rate: 16_000, seconds: 3)
        let whole = try Self.file([sent], rate: 16_000, pageMilliseconds: 200)
        let decoded = try WAV.decode(
            ExternalTool.run(
                #require(ExternalTool.ffmpeg),
                ["-v", "fatal", "-y", "-i"],
                on: Array(whole.prefix(Int(Double(whole.count) * part))),
                kind: "opus"

            )
        )
        #expect(decoded.sampleRate == 48_000)
        // Everything but the last page of 200 ms arrives; the bitrate varies too.
        let seconds = Double(decoded.channels[0].count) / 48_000
        #expect(seconds > 3 * part - 0.8 && seconds <= 3)
        let received = stride(from: 0, to: decoded.channels[0].count, by: 3).map { decoded.channels[0][$0] }
        let heard = Array(sent.prefix(received.count))
        #expect(AudioCorrelation.bestLag(of: heard, in: received, maxLag: 400).coefficient > 0.85)
    }
}
