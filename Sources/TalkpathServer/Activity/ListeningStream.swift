import Hummingbird
import NIOCore
import ServiceLifecycle
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The audio of a live call for a client that listens: both sides, as on the telephony leg, as Server-Sent Events.
///
/// The media loop only copies its messages into a ring. Another thread reads them here. A client that does not read
/// loses audio, and is told how much.
struct ListeningStream: Sendable {
    let call: CallID
    let point: TapPoint
    let state: ServerState
    /// The interval at which the ring is read.
    var beat = Duration.milliseconds(40)
    /// In bytes: some seconds of both sides' messages.
    var capacity = 256 * 1024

    /// - Parameter begun: called once the client receives audio.
    func write(to writer: inout any ResponseBodyWriter, begun: () async -> Void) async throws {
        var tap: Tap
        do throws(TapError) {
            tap = try point.attach([TapKinds(.fromTelephony), TapKinds(.toTelephony)], minimumCapacity: capacity)
        } catch {
            return try await writer.write(ByteBuffer(string: "event: end\ndata: {}\n\n"))
        }
        try await writer.write(ByteBuffer(string: ": alive\n"))
        await begun()
        while !Task.isCancelled, !Task.isShuttingDownGracefully, !tap.isEnded {
            var piece = Piece()
            while tap.next({ record, message in piece.add(record, message) }) != nil {}
            if let json = piece.json {
                var buffer = ByteBuffer(string: "event: audio\ndata: ")
                buffer.writeBytes(json.serialized())
                buffer.writeString("\n\n")
                try await writer.write(buffer)
            } else if await state.manager.session(call) == nil {
                break
            }
            try await Task.sleep(for: beat)
        }
        try await writer.write(ByteBuffer(string: "event: end\ndata: {}\n\n"))
    }

    /// The messages since the last reading of the ring.
    struct Piece {
        private var caller: [JSONValue] = []
        private var agent: [JSONValue] = []
        private var isCleared = false
        private var missing = 0

        /// Takes a message of the carrier's protocol. Ignores all but audio and `clear`.
        mutating func add(_ record: TapRecord, _ message: RawSpan) {
            missing += Int(clamping: record.lostBytes)
            let bytes = message.withUnsafeBytes { Array($0) }
            guard let json = try? JSONValue(parsing: bytes) else { return }
            switch (json["event"]?.string, json["media"]?["payload"]) {
            case ("media", let payload?):
                if record.kind == .fromTelephony { caller.append(payload) } else { agent.append(payload) }
            case ("clear", _):
                agent = []
                isCleared = true
            default: break
            }
        }

        /// `nil` if there is nothing to send.
        var json: JSONValue? {
            guard !caller.isEmpty || !agent.isEmpty || isCleared || missing > 0 else { return nil }
            var json: JSONValue = ["caller": .array(caller), "agent": .array(agent)]
            if isCleared { json.set("cleared", true) }
            if missing > 0 { json.set("missing_bytes", JSONValue(missing)) }
            return json
        }
    }
}
