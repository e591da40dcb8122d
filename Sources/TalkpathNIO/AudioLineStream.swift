import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// A carrier's audio connection over an ``AudioLine``. Made by ``TelephonyBridge``; safe to use from any thread.
///
/// Tell it all that comes from the carrier, in the order of arrival, and when the connection is gone. Each method returns at
/// once; the bridge handles it on a media thread.
public final class AudioLineStream: Sendable {
    private struct Incoming: ~Copyable {
        var farEnd: MediaStreamsFarEnd
        var converter: AudioConverter
    }

    private let stream: MediaStream
    private let incoming: Mutex<Incoming>

    init(
        _ start: AudioLineStart,
        on line: some AudioLine,
        open: (any ForeignSocket) -> MediaStream
    ) throws(AudioLineError) {
        let incoming = try Self.converter(from: start.format, to: .telephony)
        let outgoing = try Self.converter(from: .telephony, to: start.format)
        stream = open(TranslatedLine(line, outgoing))
        var farEnd = MediaStreamsFarEnd(streamID: "line")
        var parameters = start.parameters
        parameters["token"] = start.token ?? parameters["token"]
        stream.receive(farEnd.start(carrierCallID: start.carrierCallID, parameters: parameters))
        self.incoming = Mutex(Incoming(farEnd: farEnd, converter: incoming))
    }

    private static func converter(
        from input: AudioFormat,
        to output: AudioFormat
    ) throws(AudioLineError) -> AudioConverter {
        do throws(ResamplerError) {
            return try AudioConverter(from: input, to: output)
        } catch {
            throw AudioLineError(description: "the line's format cannot be used: \(error)")
        }
    }

    /// Takes audio of the caller, in the line's format and of any length; 20 ms is usual.
    ///
    /// - Parameter milliseconds: the time of the first sample since the line began, from the carrier's own clock, such as
    ///   RTP's: lost audio then becomes silence. Without it, the audio is taken to follow the audio before it.
    public func audio(_ bytes: [UInt8], at milliseconds: Int? = nil) {
        incoming.withLock { incoming in
            var mulaw: [UInt8] = []
            incoming.converter.convert(bytes.span.bytes) { piece in
                piece.withUnsafeBytes { mulaw.append(contentsOf: $0) }
            }
            guard !mulaw.isEmpty else { return }
            stream.receive(incoming.farEnd.media(mulaw.span.bytes, at: milliseconds.map { max(0, $0) }))
        }
    }

    /// All audio before this mark has been played.
    public func played(mark: String) { pass { $0.mark(mark) } }

    /// The caller has pressed a key: `0` to `9`, `*` or `#`. Another character is counted as a bad message.
    public func pressed(_ key: Character) { pass { $0.digit(key) } }

    /// The carrier has ended the call's audio: the caller has hung up.
    public func stopped() { pass { $0.stop() } }

    /// The connection is gone, whichever side closed it. Further calls have no effect.
    public func closed() { stream.closed() }

    private func pass(_ make: (inout MediaStreamsFarEnd) -> [UInt8]) {
        // Under the lock, so that messages arrive in the order of their numbers.
        incoming.withLock { stream.receive(make(&$0.farEnd)) }
    }
}

/// Translates the bridge's messages for an ``AudioLine``.
private final class TranslatedLine: ForeignSocket, @unchecked Sendable {
    // Unchecked: `converter` is used in `drain` only, which runs on the call's lane.
    private let line: any AudioLine
    private var converter: AudioConverter

    init(_ line: some AudioLine, _ converter: consuming AudioConverter) {
        self.line = line
        self.converter = converter
    }

    func drain(_ outbox: inout MessageOutbox) {
        var messages: [AudioLineMessage] = []
        outbox.drain { message in
            switch MediaStreamsFarEnd.order(in: message) {
            case .media(let range): messages.append(.audio(audio(in: message.extracting(range))))
            case .mark(let range):
                let name = message.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                messages.append(.mark(name))
            case .clear:
                converter.reset()
                messages.append(.clear)
            case nil: break
            }
        }
        if !messages.isEmpty { line.send(messages) }
    }

    private func audio(in text: RawSpan) -> [UInt8] {
        var decoded = [UInt8](repeating: 0, count: Base64.decodedCount(of: text))
        var target = decoded.mutableSpan
        // Our own codec has written it, so it is Base64.
        let count = (try? Base64.decode(text, into: &target)) ?? 0
        var audio: [UInt8] = []
        converter.convert(decoded.span.bytes.extracting(0..<count)) { piece in
            piece.withUnsafeBytes { audio.append(contentsOf: $0) }
        }
        return audio
    }

    func close(code: UInt16, reason: String) { line.close(code: code, reason: reason) }
}
