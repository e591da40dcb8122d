/// A decoded Ogg Opus file: linear samples by channel.
public struct OggOpusAudio: Sendable, Hashable {
    /// All channels have the same number of samples.
    public var channels: [[Int16]]
    /// Samples per second and channel.
    public var sampleRate: Int
    /// The sample rate of the source as the file states it, in samples per second; for information only.
    public var originalSampleRate: Int
    public var comments: [String]
    /// True if the file has its last page. A writer that died leaves a file without one.
    public var isComplete: Bool
}

/// The reason why bytes cannot be read as an Ogg Opus file.
public enum OggOpusError: Error, Sendable, Hashable, CustomStringConvertible {
    case notAnOggFile
    /// An Ogg file of another codec, or one whose first pages are cut short or malformed.
    case missingHeader(String)
    /// More than two channels, or a version of the format that this reader does not know.
    case unsupported(version: Int, channelCount: Int, mappingFamily: Int)
    /// The checksum or the sequence number of this page (from zero) is wrong: this page or one before it was damaged
    /// or lost.
    case damagedPage(Int)
    /// libopus refused a packet inside the file, or the requested sample rate.
    case opus(OpusError)

    public var description: String {
        switch self {
        case .notAnOggFile: "not an Ogg file: it does not begin with OggS"
        case .missingHeader(let name): "the file has no complete \(name) header: it is not Ogg Opus, or was cut off"
        case .unsupported(let version, let channels, let family):
            """
            cannot read Ogg Opus version \(version) with \(channels) channels (mapping \(family)): \
            only mono and stereo are read
            """
        case .damagedPage(let page): "page \(page) of the Ogg file is damaged, or one before it is missing"
        case .opus(let error): error.description
        }
    }
}

/// Reads Ogg Opus files (RFC 7845) that are in memory. Leaves out a last page that is cut short.
public enum OggOpusReader {
    /// - Parameter sampleRate: the rate of the result: 8000, 12000, 16000, 24000 or 48000, for any source rate.
    public static func decode(_ bytes: [UInt8], sampleRate: Int = 48_000) throws(OggOpusError) -> OggOpusAudio {
        var pages = OggPageReader(bytes)
        let head = try readHead(&pages)
        let comments = try readComments(&pages)
        do {
            var audio = OggOpusAudio(
                channels: [],
                sampleRate: sampleRate,
                originalSampleRate: head.originalSampleRate,
                comments: comments,
                isComplete: false
            )
            try decodePackets(&pages, head, into: &audio)
            return audio
        } catch let error as OpusError {
            throw .opus(error)
        } catch let error as OggOpusError {
            throw error
        } catch {
            throw .damagedPage(pages.sequence)
        }
    }

    private struct Head {
        var channelCount: Int
        var preSkip: Int
        var originalSampleRate: Int
    }

    private static func readHead(_ pages: inout OggPageReader) throws(OggOpusError) -> Head {
        guard pages.startsWithAPage else { throw .notAnOggFile }
        guard let page = try pages.next(), let packet = page.packets.first, packet.count >= 19,
            packet.starts(with: "OpusHead".utf8)
        else { throw .missingHeader("OpusHead") }
        let fields = packet.dropFirst(8)
        let version = Int(fields.littleEndian(at: 0, as: UInt8.self))
        let channelCount = Int(fields.littleEndian(at: 1, as: UInt8.self))
        let family = Int(fields.littleEndian(at: 10, as: UInt8.self))
        // The upper four bits change only for versions that older readers cannot read.
        guard version >> 4 == 0, family == 0, (1...2).contains(channelCount) else {
            throw .unsupported(version: version, channelCount: channelCount, mappingFamily: family)
        }
        return Head(
            channelCount: channelCount,
            preSkip: Int(fields.littleEndian(at: 2, as: UInt16.self)),
            originalSampleRate: Int(fields.littleEndian(at: 4, as: UInt32.self))
        )
    }

    private static func readComments(_ pages: inout OggPageReader) throws(OggOpusError) -> [String] {
        guard let packet = try pages.nextPacket(), packet.starts(with: "OpusTags".utf8) else {
            throw .missingHeader("OpusTags")
        }
        var rest = packet.dropFirst(8)
        func text() -> String? {
            guard rest.count >= 4 else { return nil }
            let length = Int(rest.littleEndian(at: 0, as: UInt32.self))
            guard rest.count - 4 >= length else { return nil }
            defer { rest = rest.dropFirst(4 + length) }
            return String(decoding: rest.dropFirst(4).prefix(length), as: UTF8.self)
        }
        guard text() != nil, rest.count >= 4 else { throw .missingHeader("OpusTags") }
        let count = Int(rest.littleEndian(at: 0, as: UInt32.self))
        rest = rest.dropFirst(4)
        var comments: [String] = []
        while comments.count < count, let comment = text() { comments.append(comment) }
        return comments
    }

    private static func decodePackets(
        _ pages: inout OggPageReader,
        _ head: Head,
        into audio: inout OggOpusAudio
    ) throws {
        var decoder = try OpusDecoder(sampleRate: audio.sampleRate, channelCount: head.channelCount)
        var buffer = [Int16](repeating: 0, count: decoder.maximumSampleCount)
        var samples: [Int16] = []
        while let packet = try pages.nextPacket() {
            // An empty packet is not a valid Opus packet; players skip it too.
            guard !packet.isEmpty else { continue }
            var target = buffer.mutableSpan
            let count = try decoder.decode(packet.span.bytes, into: &target)
            samples += buffer.prefix(count)
        }
        audio.isComplete = pages.sawLast
        let ratio = 48_000 / audio.sampleRate
        let skipped = min(samples.count, head.preSkip / ratio * head.channelCount)
        var kept = samples.count - skipped
        if pages.sawLast, pages.granulePosition >= Int64(head.preSkip) {
            // The last page states where the signal ends within its packets.
            let length = (pages.granulePosition - Int64(head.preSkip)) / Int64(ratio)
            kept = min(
                kept,
                Int(clamping: length.multipliedReportingOverflow(by: Int64(head.channelCount)).partialValue)
            )
        }
        audio.channels = (0..<head.channelCount).map { channel in
            stride(from: skipped + channel, to: skipped + max(0, kept), by: head.channelCount).map { samples[$0] }
        }
    }
}
