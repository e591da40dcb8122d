/// Writes an Ogg Opus file (RFC 7845) while its audio arrives. Sans-IO: every call appends the next bytes of the file.
///
/// The writer hands out only whole pages and never changes one. So the bytes written before a process dies are a file
/// that plays; it lacks at most the audio of one page, up to a second.
///
/// Not for the media thread: it encodes and allocates.
///
/// ```swift
/// var writer = try OggOpusWriter(sampleRate: 8000, channelCount: 2, serialNumber: random)
/// var bytes = writer.header()
/// try writer.append(samples.span, to: &bytes)
/// try writer.finish(to: &bytes)
/// ```
public struct OggOpusWriter: ~Copyable, Sendable {
    public let sampleRate: Int
    public let channelCount: Int
    /// Samples received for every channel.
    public private(set) var sampleCount = 0

    private var encoder: OpusEncoder
    private let comments: [String]
    /// Samples of the incomplete frame; the channels interleaved.
    private var pending: [Int16] = []
    private var page: OggPage
    private var packetsOnPage = 0
    private var encodedFrames = 0
    private let pagePackets: Int
    private var isFinished = false

    /// - Parameters:
    ///   - sampleRate: 8000, 12000, 16000, 24000 or 48000 samples per second.
    ///   - channelCount: 1 or 2.
    ///   - serialNumber: any number; distinguishes this stream from others in the same file.
    ///   - bitrate: bits per second; `nil` leaves the choice to libopus.
    ///   - complexity: the encoder's complexity, 0 (fast) ... 10 (good).
    ///   - comments: `NAME=value`, such as `TITLE=…`.
    ///   - pageMilliseconds: the audio in one page, which a dying process loses at most; clamped to 20...1000.
    public init(
        sampleRate: Int,
        channelCount: Int = 1,
        serialNumber: UInt32,
        bitrate: Int? = nil,
        complexity: Int = 5,
        comments: [String] = [],
        pageMilliseconds: Int = 1000
    ) throws(OpusError) {
        encoder = try OpusEncoder(
            sampleRate: sampleRate,
            channelCount: channelCount,
            bitrate: bitrate,
            complexity: complexity
        )
        self.sampleRate = sampleRate
        self.channelCount = channelCount
        self.comments = comments
        pagePackets = max(1, min(50, pageMilliseconds / 20))
        // Pages 0 and 1 hold the headers.
        page = OggPage(granulePosition: 0, serialNumber: serialNumber, sequenceNumber: 2)
    }

    /// Samples at 48 kHz that a player drops at the start.
    public var preSkip: Int { encoder.lookahead * 48_000 / sampleRate }

    private var frameSamples: Int { sampleRate / 50 * channelCount }

    /// The first two pages of the file.
    public func header() -> [UInt8] {
        var head = Array("OpusHead".utf8) + [1, UInt8(channelCount)]
        head.append(littleEndian: UInt16(preSkip))
        head.append(littleEndian: UInt32(sampleRate))
        // No output gain, and channel mapping family 0: mono, or left and right.
        head += [0, 0, 0]

        var tags = Array("OpusTags".utf8)
        let vendor = Array("Talkpath".utf8)
        tags.append(littleEndian: UInt32(vendor.count))
        tags += vendor
        // One page holds 65,025 bytes; comments that do not fit are left out.
        var kept: [[UInt8]] = []
        var size = tags.count + 4
        for comment in comments.map({ Array($0.utf8) }) where size + 4 + comment.count < 65_000 {
            kept.append(comment)
            size += 4 + comment.count
        }
        tags.append(littleEndian: UInt32(kept.count))
        for comment in kept {
            tags.append(littleEndian: UInt32(comment.count))
            tags += comment
        }

        var first = OggPage(granulePosition: 0, serialNumber: page.serialNumber, sequenceNumber: 0)
        first.flags = .isFirst
        first.append(head)
        var second = OggPage(granulePosition: 0, serialNumber: page.serialNumber, sequenceNumber: 1)
        second.append(tags)
        return first.encoded() + second.encoded()
    }

    /// Accepts any number of samples, the channels interleaved, and appends the pages that became full.
    ///
    /// An incomplete group of channel samples waits for the next call. After ``finish(to:)`` this does nothing.
    public mutating func append(_ samples: Span<Int16>, to bytes: inout [UInt8]) throws(OpusError) {
        guard !isFinished else { return }
        for index in samples.indices {
            pending.append(samples[index])
            if pending.count == frameSamples {
                sampleCount += sampleRate / 50
                try encodePending(to: &bytes)
            }
        }
    }

    /// Encodes the remaining samples and appends the last page. Only the first call does anything.
    public mutating func finish(to bytes: inout [UInt8]) throws(OpusError) {
        guard !isFinished else { return }
        isFinished = true
        sampleCount += pending.count / channelCount
        pending.removeLast(pending.count % channelCount)
        // The encoder is late by its lookahead, so silence pushes the last samples out. Thus at least one packet
        // follows, and the open page is the last one.
        while encodedFrames * (sampleRate / 50) < sampleCount + encoder.lookahead {
            pending += [Int16](repeating: 0, count: frameSamples - pending.count)
            try encodePending(to: &bytes, mayClosePage: false)
        }
        // The granule position tells players how much of the last packet to drop.
        page.granulePosition = Int64(preSkip + sampleCount * (48_000 / sampleRate))
        page.flags.insert(.isLast)
        bytes += page.encoded()
    }

    private mutating func encodePending(to bytes: inout [UInt8], mayClosePage: Bool = true) throws(OpusError) {
        var packet = [UInt8](repeating: 0, count: OpusEncoder.maximumPacketBytes)
        let frame = pending
        pending.removeAll(keepingCapacity: true)
        var target = packet.mutableSpan
        let count = try encoder.encode(frame.span, into: &target)
        if page.segments.count + OggPage.segmentCount(ofPacket: count) > OggPage.maximumSegments {
            closePage(to: &bytes)
        }
        page.append(packet.prefix(count))
        packetsOnPage += 1
        encodedFrames += 1
        page.granulePosition = Int64(encodedFrames * 960)
        if mayClosePage, packetsOnPage == pagePackets { closePage(to: &bytes) }
    }

    private mutating func closePage(to bytes: inout [UInt8]) {
        bytes += page.encoded()
        page.sequenceNumber += 1
        page.flags = []
        page.segments = []
        page.body = []
        packetsOnPage = 0
    }
}
