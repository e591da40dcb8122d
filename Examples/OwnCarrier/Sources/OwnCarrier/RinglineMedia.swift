import TalkpathCore
import TalkpathNIO
import TalkpathWire

/// Translates between the vendor's messages about audio and those of Twilio's Media Streams, which the bridge speaks. Both
/// carry G.711 µ-law at 8 kHz in base64.
///
/// | Ringline | Media Streams |
/// |---|---|
/// | `{"audio":"…"}` | `media` |
/// | `{"cue":"a"}`: echoed once all audio before it was played | `mark` |
/// | `{"drop":true}`: forget what was not played yet | `clear` |
struct RinglineMedia: MediaSocket {
    let line: Ringline.Line

    /// Talks until one side closes the line.
    static func connect(
        _ line: Ringline.Line,
        to bridge: TelephonyBridge,
        carrierCallID: String,
        token: String
    ) async {
        let stream = bridge.openStream(on: RinglineMedia(line: line))
        var number = 0
        func receive(_ event: String, _ content: JSONValue) {
            number += 1
            let message: JSONValue = [
                "event": .string(event), "sequenceNumber": JSONValue(number), "streamSid": "line", event: content,
            ]
            stream.receive(message.serialized())
        }
        receive(
            "start",
            [
                "streamSid": "line", "callSid": .string(carrierCallID),
                "customParameters": ["token": .string(token)],
                "mediaFormat": ["encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1],
            ]
        )
        var milliseconds = 0
        for await text in line.fromPerson {
            guard let message = try? JSONValue(parsing: text) else { continue }
            if let cue = message["cue"] { receive("mark", ["name": cue]) }
            guard let audio = message["audio"] else { continue }
            receive("media", ["track": "inbound", "timestamp": JSONValue(milliseconds), "payload": audio])
            milliseconds += 20
        }
        receive("stop", [:])
        stream.closed()
    }

    func send(_ messages: [String]) {
        for text in messages {
            guard let message = try? JSONValue(parsing: text) else { continue }
            if let payload = message["media"]?["payload"] { yield(["audio": payload]) }
            if let name = message["mark"]?["name"] { yield(["cue": name]) }
            if message["event"]?.string == "clear" { yield(["drop": true]) }
        }
    }

    func close(code: UInt16, reason: String) { line.toPerson.finish() }

    private func yield(_ message: JSONValue) { line.toPerson.yield(message.serializedText()) }
}
