import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathSimulators

/// A person on the phone and a fake OpenAI model, joined by a minimal bridge: µ-law in both directions, `clear` and
/// `truncate` when the caller speaks. Time is virtual, in steps of one millisecond.
private struct VirtualCall {
    var phone: MediaStreamModel
    var model: OpenAIRealtimeModel
    var endedAt: Int?
    private var playedItem: String?
    private var sentBytes = 0
    private var firstAudioAt: Int?

    init(_ conversation: Conversation) {
        phone = MediaStreamModel(script: conversation.phone)
        model = OpenAIRealtimeModel(
            model: "m",
            session: 0,
            script: conversation.agent,
            faults: [],
            keepsAudio: true,
            at: .milliseconds(0)
        )
        model.opened(at: .milliseconds(0))
        model.receive(
            #"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcmu"}},"#
                + #""output":{"format":{"type":"audio/pcmu"}}}}}"#,
            at: 0
        )
        model.receive(#"{"type":"response.create"}"#, at: 0)
        phone.open()
    }

    mutating func run(limit: Int) {
        for now in 0..<limit where endedAt == nil {
            phone.advance(to: .milliseconds(now))
            model.advance(to: .milliseconds(now))
            for output in phone.takeOutputs() { fromPhone(output, now) }
            for message in model.takeMessages() { fromModel(message, now) }
        }
    }

    private mutating func fromPhone(_ output: MediaStreamModel.Output, _ now: Int) {
        switch output {
        case .send(let bytes):
            let message = JSONValue(bytes)
            guard let payload = message["media"]?["payload"]?.string else { return }
            model.receive(#"{"type":"input_audio_buffer.append","audio":"\#(payload)"}"#, at: now)
        case .hangUp: endedAt = now
        case .event: break
        }
    }

    private mutating func fromModel(_ message: JSONValue, _ now: Int) {
        switch message["type"]?.string {
        case "response.output_audio.delta":
            if playedItem != message["item_id"]?.string {
                playedItem = message["item_id"]?.string
                sentBytes = 0
                firstAudioAt = now
            }
            let payload = message["delta"]?.string ?? ""
            sentBytes += PlainBase64.decode(payload)?.count ?? 0
            phone.receive(#"{"event":"media","streamSid":"MZ1","media":{"payload":"\#(payload)"}}"#, at: now)
        case "input_audio_buffer.speech_started":
            guard let item = playedItem, let start = firstAudioAt, now - start < sentBytes / 8 else { return }
            phone.receive(#"{"event":"clear","streamSid":"MZ1"}"#, at: now)
            model.receive(
                #"{"type":"conversation.item.truncate","item_id":"\#(item)","content_index":0,"#
                    + #""audio_end_ms":\#(now - start)}"#,
                at: now
            )
        default: break
        }
    }
}

struct ConversationTests {
    @Test(arguments: ["plain-conversation", "barge-in"])
    func `a recorded conversation runs to its end`(name: String) throws {
        let conversation = try Conversation(directory: "\(fixtures)/calls/\(name)")
        var call = VirtualCall(conversation)
        call.run(limit: 60_000)
        let model = call.model.record
        let phone = call.phone.snapshot()
        let expected = conversation.expected
        #expect(model.callerTurns.count == expected.callerTurns)
        #expect(model.items.count == expected.agentAnswers)
        #expect(phone.clears.count == expected.interruptions)
        #expect(model.truncations.count == expected.interruptions)
        #expect(model.callerTurns.compactMap(\.text) == conversation.phone.turns.map(\.text))
        #expect(phone.violations.isEmpty && model.violations.isEmpty)
        let said = conversation.phone.turns.reduce(0) { count, turn in
            if case .speech(let samples) = turn.content { count + samples.count / 8 } else { count }
        }
        #expect(said == expected.callerSpeechMilliseconds)
        let duration = try #require(call.endedAt)
        #expect(abs(duration - (expected.durationMilliseconds ?? 0)) < 3000)
    }

    @Test func `an interrupted answer is heard as far as the model is told`() throws {
        let conversation = Conversation.synthetic(turns: 2, interruption: (turn: 1, after: .milliseconds(1500)))
        var call = VirtualCall(conversation)
        call.run(limit: 30_000)
        let truncation = try #require(call.model.record.truncations.first)
        let clear = try #require(call.phone.snapshot().clears.first)
        #expect(call.endedAt != nil)
        // The answer was sent whole and cut at the interruption: 1.5 s and the time to detect it.
        #expect(truncation.producedMilliseconds - truncation.audioEndMilliseconds > 500)
        #expect((1500...1900).contains(truncation.audioEndMilliseconds))
        // The ear may be one point of the grid behind the bridge's estimate.
        let heard = call.phone.snapshot().heardSamples
        let end = clear.position.wholeMilliseconds * 8
        let start = end - truncation.audioEndMilliseconds * 8
        #expect(SyntheticSpeech.number(of: heard[start + 400..<start + 1600], rate: 8000) == 2)
        #expect(heard[(end + 160)..<(end + 1600)].allSatisfy { $0 == 0 })
    }

    @Test func `every utterance is heard in order`() throws {
        let conversation = Conversation.synthetic(turns: 3)
        var call = VirtualCall(conversation)
        call.run(limit: 40_000)
        let heard = call.phone.snapshot().heardSamples
        var numbers: [Int] = []
        for start in stride(from: 0, to: heard.count - 800, by: 800) {
            let number = SyntheticSpeech.number(of: heard[start..<start + 800], rate: 8000, upTo: 12)
            if let number, numbers.last != number { numbers.append(number) }
        }
        #expect(numbers == [0, 2, 4, 6])
        #expect(call.endedAt != nil)
    }

    @Test func `a missing file is named`() {
        #expect {
            try Conversation(directory: "\(fixtures)/calls/none")
        } throws: { error in
            "\(error)".contains("calls/none/manifest.json")
        }
    }
}
