import TalkpathAudio
import TalkpathWire

extension FuzzTarget {
    /// Messages of a model, one on each line, in the order in which they come.
    static let openAI = FuzzTarget(name: "openai") { input in
        models(input) { AgentCodec(.openai) }
    }

    static let gemini = FuzzTarget(name: "gemini") { input in
        models(input) { AgentCodec(.gemini) }
    }

    /// A message says the same with a space before it, which the shortcut for audio does not know.
    private static func models(_ input: [UInt8], _ make: () -> AgentCodec) {
        var quick = make()
        var thorough = make()
        for line in lines(input) {
            let spaced = [UInt8(ascii: " ")] + line
            let first = read(&quick, line)
            let second = read(&thorough, spaced)
            expect(first == second, "\(String(decoding: line, as: UTF8.self)): \(first) is not \(second)")
        }
    }

    /// Messages of a socket agent, one on each line: audio where the line begins with `=`.
    ///
    /// A refused message has no effect, so a codec that gets each message twice after the first refusal gives the same
    /// result.
    static let socket = FuzzTarget(name: "socket") { input in
        var codec = AgentSocketCodec()
        var outbox = MessageOutbox()
        for line in lines(input) {
            let isText = line.first != UInt8(ascii: "=")
            let message = isText ? line : Array(line.dropFirst())
            var events: [AgentEvent] = []
            do throws(WireError) {
                try codec.receive(message.span.bytes, isText: isText, into: &events)
                expect(!events.isEmpty, "a message that is understood says something")
            } catch {
                expect(events.isEmpty, "an error came with events")
                codec.write(.fault(error), to: &outbox)
                var again: [AgentEvent] = []
                do throws(WireError) {
                    try codec.receive(message.span.bytes, isText: isText, into: &again)
                    expect(false, "what was refused is understood the second time")
                } catch let second {
                    expect(second == error, "\(error), and then \(second)")
                }
            }
            for event in events { follow(event, in: message, &codec, &outbox) }
            outbox.removeAll()
        }
        codec.writeAudio(input.span.bytes, to: &outbox)
    }

    /// The session's use of an event.
    private static func follow(
        _ event: AgentEvent,
        in message: [UInt8],
        _ codec: inout AgentSocketCodec,
        _ outbox: inout MessageOutbox
    ) {
        switch event {
        case .audio(let audio):
            guard case .raw(let range) = audio.payload else { return expect(false, "audio that is not raw") }
            expect(range.lowerBound >= 0 && range.upperBound <= message.count, "audio outside of its message: \(range)")
            expect(codec.providerName(of: audio.item) != nil, "audio of no response")
            codec.write(.truncate(item: audio.item, heardMilliseconds: message.count), to: &outbox)
        case .responseStarted: codec.write(.cancelResponse, to: &outbox)
        case .mark(let name): codec.write(.markPlayed(name, wasCut: false), to: &outbox)
        case .toolCall(let call): codec.write(.toolResult(id: call.id, name: call.name, output: "{}"), to: &outbox)
        case .goingAway(let left): expect(left.map { $0 >= .zero && $0 <= .seconds(86_400) } ?? true, "\(event)")
        default: break
        }
    }

    private enum Told: Equatable {
        case event(AgentEvent)
        case audio(AgentItem, AudioFormat, [UInt8]?)
        case carrier(TelephonyEvent)
        case media(sequence: UInt32, timestamp: UInt64?, [UInt8]?)
        case refused(WireError.Code)
    }

    private static func read(_ codec: inout AgentCodec, _ message: [UInt8]) -> [Told] {
        var events: [AgentEvent] = []
        do {
            try codec.receive(message.span.bytes, into: &events)
        } catch {
            expect(events.isEmpty, "an error came with events")
            return [.refused(error.code)]
        }
        return events.map { event in
            guard case .audio(let audio) = event else { return .event(event) }
            return .audio(audio.item, audio.format, decoded(audio.payload, in: message))
        }
    }

    /// Messages of a carrier, one on each line.
    static let twilio = FuzzTarget(name: "twilio") { input in
        var quick = TwilioMediaStreamsCodec()
        var thorough = TwilioMediaStreamsCodec()
        for line in lines(input) {
            let first = read(&quick, line)
            let second = read(&thorough, [UInt8(ascii: " ")] + line)
            expect(first == second, "\(String(decoding: line, as: UTF8.self)): \(first) is not \(second)")
        }
        var outbox = MessageOutbox()
        quick.writeMedia(input.span.bytes, to: &outbox)
        quick.writeMark(PlaybackMark(epoch: 1, number: 2), to: &outbox)
        quick.writeClear(to: &outbox)
    }

    private static func read(_ codec: inout TwilioMediaStreamsCodec, _ message: [UInt8]) -> Told {
        do {
            let event = try codec.receive(message.span.bytes)
            guard case .media(let media) = event else { return .carrier(event) }
            let payload = decoded(media.payload, in: message)
            return .media(sequence: media.sequence, timestamp: media.timestamp, payload)
        } catch {
            return .refused(error.code)
        }
    }

    private static func decoded(_ payload: WirePayload, in message: [UInt8]) -> [UInt8]? {
        if case .inPlace(let range) = payload {
            expect(range.lowerBound >= 0 && range.upperBound <= message.count, "audio outside of its message: \(range)")
        }
        var bytes = [UInt8](repeating: 0, count: payload.decodedCount(in: message.span.bytes))
        var target = bytes.mutableSpan
        guard let count = try? payload.decode(from: message.span.bytes, into: &target) else { return nil }
        return Array(bytes[..<count])
    }

    private static func lines(_ input: [UInt8]) -> [[UInt8]] {
        input.split(separator: UInt8(ascii: "\n")).map(Array.init)
    }
}
