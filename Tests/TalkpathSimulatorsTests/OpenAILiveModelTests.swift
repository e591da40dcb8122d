import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathSimulators

struct OpenAILiveModelTests {
    private static func start(_ more: String = "") -> String {
        #"{"type":"session.start","session":{"model":"gpt-live-1.1","audio":{"format":{"type":"audio/pcmu","rate":8000}}\#(more)}}"#
    }
    private static let responses = #","delegation":{"type":"responses","responses":{"model":"gpt-5.4-mini"}}"#

    private func model(_ script: AgentScript = .silent, start: String? = OpenAILiveModelTests.start())
        -> OpenAILiveModel
    {
        var model = OpenAILiveModel(
            session: 0,
            script: script,
            faults: [],
            behaviours: [],
            keepsAudio: true,
            longestHole: .milliseconds(100),
            lifetime: .seconds(3600),
            at: .milliseconds(0)
        )
        model.opened(at: .milliseconds(0))
        if let start { model.receive(start, at: 0) }
        return model
    }

    private func hear(_ model: inout OpenAILiveModel, from: Int, to: Int, code: UInt8 = 0xFF) {
        let text = PlainBase64.encode([UInt8](repeating: code, count: 160))
        for instant in stride(from: from, to: to, by: 20) {
            model.receive(#"{"type":"session.input_audio.append","audio":"\#(text)"}"#, at: instant)
        }
    }

    private func tracked(_ messages: [JSONValue]) -> Int {
        messages.count { $0["type"] == "session.output_audio.delta" } * 20
    }

    @Test func `the track follows the received audio, and stops with it`() {
        var model = model()
        hear(&model, from: 20, to: 520)
        #expect((440...500).contains(tracked(model.takeMessages())))
        model.advance(to: .milliseconds(3000))
        #expect(tracked(model.takeMessages()) <= 60)
        #expect(model.record.violations.isEmpty)
        hear(&model, from: 3000, to: 3020)
        #expect(model.record.violations.map(\.detail) == ["no audio for 2500 ms"])
    }

    @Test(
        arguments: [
            (#"{"type":"session.start","session":{"model":"m","speed":2}}"#, "session.speed"),
            (#"{"type":"session.start","session":{"model":"m","audio":{"format":{"type":"audio/pcmu"}}}}"#, "rate"),
            (#"{"type":"session.start","session":{}}"#, "session.model"),
            (#"{"type":"response.create"}"#, "type"),
            (#"{"type":"session.commentary.append","content":"x"}"#, "delegation_id"),
        ]
    )
    func `unknown parameters are refused by name`(text: String, name: String) {
        var model = model(start: nil)
        model.receive(text, at: 0)
        let error = model.takeMessages().first { $0["type"] == "error" }?["error"]
        #expect(error?["param"]?.string?.contains(name) == true)
        #expect(model.record.violations.count == 1 && model.record.readyAt == nil)
    }

    @Test func `a request to go on before the last result is refused`() {
        let call = AgentScript.ToolCall(name: "hours", arguments: "{}")
        let script = AgentScript(turns: [.init(.connect, audio: [], transcript: "", toolCall: call)])
        var model = model(script, start: Self.start(Self.responses))
        model.receive(#"{"type":"session.commentary.append","content":"Speak.","delegation_id":null}"#, at: 0)
        hear(&model, from: 20, to: 520)
        let nested = model.takeMessages().compactMap { $0["event"]?["item"]?["call_id"]?.string }
        #expect(nested.count == 1)
        model.receive(#"{"type":"response.create"}"#, at: 520)
        #expect(model.record.violations.count == 1)
        model.receive(
            #"{"type":"response.item.create","item":{"type":"function_call_output","call_id":"\#(nested[0])","output":"o"}}"#,
            at: 520
        )
        model.receive(#"{"type":"response.create"}"#, at: 520)
        #expect(model.record.violations.count == 1 && model.record.toolResults.count == 1)
    }

    @Test func `a close reports the reason and the seconds of the session's clock`() {
        var model = model()
        hear(&model, from: 20, to: 2520)
        _ = model.takeMessages()
        model.receive(#"{"type":"session.close"}"#, at: 2520)
        let outputs = model.takeOutputs()
        var closed: JSONValue?
        var isClosed = false
        for output in outputs {
            switch output {
            case .send(let bytes, _) where JSONValue(bytes)["type"] == "session.closed": closed = JSONValue(bytes)
            case .close(1000, _): isClosed = true
            default: continue
            }
        }
        #expect(closed?["reason"] == "close_requested" && closed?["usage"]?["seconds"] == 3)
        #expect(isClosed)
    }
}
