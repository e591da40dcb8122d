#if os(Linux)
import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// One call's media plane between two sockets that accept everything. The stage plays the messages of a carrier and a
/// model, frame by frame.
final class FrameStage {
    struct Shape {
        var name: String
        var provider: AgentProvider
        var heard: AudioFormat
        var spoken: AudioFormat

        static let all = [
            Shape(name: "OpenAI, PCM at 24 kHz", provider: .openai, heard: .pcm24k, spoken: .pcm24k),
            Shape(name: "OpenAI, µ-law", provider: .openai, heard: .telephony, spoken: .telephony),
            Shape(name: "GPT-Live, µ-law", provider: .openaiLive, heard: .telephony, spoken: .telephony),
            Shape(name: "GPT-Live, PCM at 24 kHz", provider: .openaiLive, heard: .pcm24k, spoken: .pcm24k),
            Shape(name: "Own agent, PCM at 16 kHz", provider: .socket, heard: .pcm16k, spoken: .pcm16k),
            Shape(name: "Gemini, PCM", provider: .gemini, heard: .pcm16k, spoken: .pcm24k),
        ]
    }

    struct Result: Codable {
        var shape: String
        var frames: Int
        /// The time to process one frame up and one down.
        var microseconds: Double
        /// The allocations for all frames together, if they are counted.
        var allocations: UInt64?
        var framesUp: Int
        var framesDown: Int

        var isWhole: Bool { framesUp == frames && framesDown == frames }
    }

    private let shape: Shape
    private let frames: Int
    private let media: CallMedia
    private let (carrier, model) = (CountingSink(), CountingSink())
    private var now = MonotonicInstant(nanoseconds: 1_000_000_000)

    /// Twenty seconds, until every buffer has its final size: the lead is filled, marks have come back, and there were
    /// more marks than the bridge keeps at once.
    private static let warmUp = 1000
    /// The delay between sending a mark and its echo, in frames.
    private static let framesOfEcho = 10

    init(_ shape: Shape, frames: Int) throws {
        self.shape = shape
        self.frames = frames
        media = try CallMedia(
            plan: MediaPlan(provider: shape.provider, agentInput: shape.heard, agentOutput: shape.spoken)
        )
    }

    func run() throws -> Result {
        open()
        let messages = (0..<Self.warmUp + frames).map(callerMessage)
        let echoes = (0...messages.count).map(echoMessage)
        let delta = agentMessage()
        var echoed = 0
        func pass(_ frame: Int) {
            let message = messages[frame]
            media.telephonyReceived(message.span.bytes, at: now)
            turn()
            media.agentReceived(delta.span.bytes, isText: shape.provider != .socket, at: now)
            turn()
            now = now + .milliseconds(20)
            media.tick(at: now)
            turn()
            // The bridge sends a mark after every five frames.
            if frame >= Self.framesOfEcho, echoed < media.downlink.counters.marks, frame % 5 == 0 {
                echoed += 1
                let echo = echoes[echoed]
                media.telephonyReceived(echo.span.bytes, at: now)
                turn()
            }
        }
        for frame in 0..<Self.warmUp { pass(frame) }
        let (before, up, down) = (AllocationCounter.now, model.messages, media.downlink.counters.frames)
        let began = ContinuousClock.now
        for frame in Self.warmUp..<messages.count { pass(frame) }
        let took = ContinuousClock.now - began
        let made = before.flatMap { before in AllocationCounter.now.map { $0 - before } }
        return Result(
            shape: shape.name,
            frames: frames,
            microseconds: took / .microseconds(1) / Double(frames),
            allocations: made,
            framesUp: model.messages - up,
            framesDown: media.downlink.counters.frames - down
        )
    }

    /// Does the work of the sockets and of the session after each message.
    private func turn() {
        if !media.events.isEmpty { _ = media.takeEvents() }
        media.pump()
    }

    private func open() {
        media.telephonyOpened(carrier)
        media.agentOpened(model)
        tell(
            carrier: """
                {"event":"start","sequenceNumber":"1","streamSid":"MZ01","start":{"streamSid":"MZ01","accountSid":"AC01",\
                "callSid":"CA01","tracks":["inbound"],"customParameters":{},"mediaFormat":{"encoding":"audio/x-mulaw",\
                "sampleRate":8000,"channels":1}}}
                """
        )
        switch shape.provider {
        case .openai:
            tell(model: #"{"type":"session.created","event_id":"e","session":{"type":"realtime"}}"#)
            let format = shape.spoken.encoding == .mulaw ? #""audio/pcmu""# : #""audio/pcm","rate":24000"#
            tell(
                model: #"{"type":"session.updated","event_id":"e","session":{"type":"realtime","audio":{"output":"#
                    + #"{"format":{"type":\#(format)}}}}}"#
            )
            tell(model: #"{"type":"response.created","event_id":"e","response":{"id":"resp_1"}}"#)
        case .openaiLive:
            let format = shape.spoken.encoding == .mulaw ? #""audio/pcmu","rate":8000"# : #""audio/pcm","rate":24000"#
            tell(
                model: #"{"type":"session.started","event_id":"e","session":{"audio":{"format":{"type":\#(format)}}}}"#
            )
        case .gemini:
            tell(model: #"{"setupComplete":{}}"#)
        case .socket:
            media.command(
                .configure(AgentSessionConfiguration(model: "", inputFormat: shape.heard, outputFormat: shape.spoken))
            )
            tell(model: #"{"type":"ready"}"#)
            tell(model: #"{"type":"response_start","response":"r"}"#)
        }
        media.agentIsReady(at: now)
        turn()
    }

    private func tell(carrier text: String) {
        let message = Array(text.utf8)
        media.telephonyReceived(message.span.bytes, at: now)
        turn()
    }

    private func tell(model text: String) {
        let message = Array(text.utf8)
        media.agentReceived(message.span.bytes, at: now)
        turn()
    }

    // MARK: Messages

    private func callerMessage(_ number: Int) -> [UInt8] {
        let audio = Data((0..<160).map { MuLaw.encode(Int16(8 * sin(Double($0) / 4))) }).base64EncodedString()
        return Array(
            """
            {"event":"media","sequenceNumber":"\(number + 2)","streamSid":"MZ01","media":{"track":"inbound",\
            "chunk":"\(number + 1)","timestamp":"\(number * 20)","payload":"\(audio)"}}
            """.utf8
        )
    }

    private func echoMessage(_ number: Int) -> [UInt8] {
        Array(
            #"{"event":"mark","sequenceNumber":"9","streamSid":"MZ01","mark":{"name":"tp-0-\#(number)"}}"#.utf8
        )
    }

    private func agentMessage() -> [UInt8] {
        let frame = Data(repeating: 0x11, count: shape.spoken.frameBytes)
        if shape.provider == .socket { return Array(frame) }
        let audio = frame.base64EncodedString()
        if shape.provider == .openaiLive {
            return Array(#"{"type":"session.output_audio.delta","delta":"\#(audio)"}"#.utf8)
        }
        return Array(
            (shape.provider == .openai
                ? #"{"type":"response.output_audio.delta","event_id":"e","response_id":"resp_1","item_id":"item_1","#
                    + #""output_index":0,"content_index":0,"delta":"\#(audio)"}"#
                : #"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","#
                    + #""data":"\#(audio)"}}]}}}"#).utf8
        )
    }
}

/// The sending side of a socket that accepts everything.
private final class CountingSink: LegSink {
    private(set) var messages = 0

    func drain(_ outbox: inout MessageOutbox) {
        outbox.drain { _ in messages += 1 }
    }
}
#endif
