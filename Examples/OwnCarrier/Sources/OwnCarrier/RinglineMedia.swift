import Foundation
import TalkpathCore
import TalkpathNIO
import TalkpathWire

/// Connects the vendor's line to the bridge. The vendor's messages about audio, with G.711 µ-law at 8 kHz in base64:
///
/// | Ringline | the bridge |
/// |---|---|
/// | `{"audio":"…"}` | audio |
/// | `{"cue":"a"}`: echoed once all audio before it was played | mark |
/// | `{"drop":true}`: forget what was not played yet | clear |
struct RinglineMedia: AudioLine {
    let line: Ringline.Line

    /// Talks until one side closes the line.
    static func connect(
        _ line: Ringline.Line,
        to bridge: TelephonyBridge,
        carrierCallID: String,
        token: String
    ) async throws {
        let start = AudioLineStart(carrierCallID: carrierCallID, token: token)
        let stream = try bridge.openLine(start, on: RinglineMedia(line: line))
        for await text in line.fromPerson {
            guard let message = try? JSONValue(parsing: text) else { continue }
            if let cue = message["cue"]?.string { stream.played(mark: cue) }
            guard let audio = message["audio"]?.string.flatMap({ Data(base64Encoded: $0) }) else { continue }
            stream.audio([UInt8](audio))
        }
        stream.stopped()
        stream.closed()
    }

    func send(_ messages: [AudioLineMessage]) {
        for message in messages {
            switch message {
            case .audio(let bytes): yield(["audio": .string(Data(bytes).base64EncodedString())])
            case .mark(let name): yield(["cue": .string(name)])
            case .clear: yield(["drop": true])
            }
        }
    }

    func close(code: UInt16, reason: String) { line.toPerson.finish() }

    private func yield(_ message: JSONValue) { line.toPerson.yield(message.serializedText()) }
}
